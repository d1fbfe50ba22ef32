//! Clients of a mesh as core has them; and, in a build without the feature `mesh`, a type of the same name that nobody
//! can have a value of, so that every export is there and only connecting has something to answer.

#[cfg(feature = "mesh")]
mod core {
    use headwater::{CertFiles, Result, Tls};

    pub(crate) use headwater::entities::EntitiesClient;

    use crate::entities_client::hw_entities_client_config;

    pub(crate) fn connect(from: &hw_entities_client_config) -> Result<EntitiesClient> {
        let files = CertFiles {
            ca: from.ca.text("ca")?.into(),
            cert: from.cert.text("cert")?.into(),
            key: from.key.text("key")?.into(),
        };
        let (url, server_name, cluster) =
            (from.url.text("url")?, from.server_name.text("server_name")?, from.cluster.text("cluster")?);
        EntitiesClient::connect(url, server_name, &Tls::load(&files)?, cluster).wait()
    }
}

#[cfg(not(feature = "mesh"))]
mod core {
    use headwater::entities::{ClusterNode, EntityId, EntityInfo, RequestOptions};
    use headwater::{Error, ErrorKind, Pending, Result};

    use crate::entities_client::hw_entities_client_config;

    pub(crate) enum EntitiesClient {}

    /// Methods of what there is no value of.
    macro_rules! nobody_calls {
        ($($name:ident($($given:ty),*) -> $result:ty;)+) => {
            $(pub(crate) fn $name(&self, $(_: $given),*) -> Pending<$result> {
                match *self {}
            })+
        };
    }

    impl EntitiesClient {
        nobody_calls! {
            request(EntityId<'_>, &str, &[u8], RequestOptions) -> Vec<u8>;
            notify(EntityId<'_>, &str, &[u8]) -> ();
            list(&str) -> Vec<EntityInfo>;
            nodes() -> Vec<ClusterNode>;
            where_is(EntityId<'_>) -> (u32, Option<String>);
        }
    }

    pub(crate) fn connect(_: &hw_entities_client_config) -> Result<EntitiesClient> {
        Err(Error::new(ErrorKind::Unsupported, "this library was built without the mesh"))
    }
}

pub(crate) use self::core::{EntitiesClient, connect};
