//! `headwater token`: a token for the HTTP door of a node that knows the secret, to begin with. Who has users already
//! has whatever signs them in make tokens.

use std::time::Duration;

use clap::Args;
use headwater::AccessToken;
use headwater::units::parse_duration;
use serde_json::json;

use crate::failure::{Done, Failure};
use crate::place::Place;

pub(crate) const EXAMPLES: &str = "\
Examples:
  headwater token --secret-env JWT_SECRET --subject alice
  headwater token --secret-env JWT_SECRET --subject ops --scope presence:admin --ttl 8h

The token is signed by HS256. Its subject may set and end sessions of its own; with the scope presence:admin those of \
everybody.";

/// How long a token is good at the most: ten years.
const TTL_MAX: Duration = Duration::from_secs(10 * 365 * 86_400);

#[derive(Args)]
pub(crate) struct Token {
    /// The environment variable that has the secret, as [auth] jwt_secret has it; it is never an argument, which others
    /// could read.
    #[arg(long, value_name = "VARIABLE")]
    secret_env: String,
    /// The user.
    #[arg(long, value_name = "USER")]
    subject: String,
    /// presence:admin may do everything.
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// Who makes it, as [auth] issuer says.
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// For whom it is, as [auth] audience says.
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// How long it is good.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    ttl: Duration,
}

impl Token {
    pub(crate) fn run(self, place: &Place) -> Done {
        let secret = std::env::var(&self.secret_env)
            .map_err(|_| Failure::usage(format!("the variable {} is not set in the environment", self.secret_env)))?;
        if self.ttl > TTL_MAX {
            return Err(Failure::usage("a token is good for ten years at the most"));
        }
        let token = AccessToken {
            subject: self.subject,
            scope: self.scope,
            issuer: self.issuer,
            audience: self.audience,
            ttl: self.ttl,
        };
        let token = token.sign(&secret)?;
        let mut out = place.output();
        out.either(&json!({"token": token}), || token.clone())?;
        out.flush()
    }
}
