//! A cluster whose nodes meet over the mesh that their engines have joined: the board of each is a CRDT store of its
//! own engine, and a node that the mesh has for gone is gone at once.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

use super::board::{Board, Registers};
use super::cluster::{ClusterConfig, Part, board_name};
use super::runtime::{Inner, nanos};

/// How long a node that begins waits until it has what the others wrote; then it begins without. Nobody may be there.
const IN_STEP_PATIENCE: Duration = Duration::from_secs(8);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Part {
    /// Joins once this node has what the others wrote, as it would take shards that they have. Where none of those it
    /// was told of can be reached for 8 s, it begins alone.
    pub(super) async fn join_over_mesh(engine: &Engine, config: ClusterConfig) -> Result<Self> {
        let (cluster, name) = (&config.name, board_name(&config.name));
        let mesh = engine.mesh_part().ok_or_else(|| {
            let message = format!("cluster '{cluster}' meets over a mesh, and this engine is in none: join one before");
            Error::new(ErrorKind::Misuse, message)
        })?;
        if !mesh.keeps(&name) {
            let message = format!("cluster '{cluster}' needs the store '{name}', which is not among those of the mesh");
            return Err(Error::invalid(message));
        }
        let ends = engine.clock().now().saturating_add(nanos(IN_STEP_PATIENCE));
        let mut board = None;
        loop {
            let now = engine.clock().now();
            if board.is_none() {
                // A client finds a cluster, and makes none.
                match Registers::open(engine, &name, !config.is_client()) {
                    Err(error) if error.kind() == ErrorKind::NotFound && now < ends => {}
                    opened => board = Some(opened.map_err(|error| error.context(format!("cluster '{cluster}'")))?),
                }
            }
            if let Some(board) = board.take_if(|_| now >= ends || mesh.is_in_step(&name)) {
                let board: Arc<dyn Board> = Arc::new(board);
                let wire = mesh.wire();
                return Ok(Part::new(config, board, wire, Some(mesh)));
            }
            engine.sleep(now.saturating_add(nanos(LOOK_EVERY))).await;
        }
    }
}

impl Inner {
    /// Takes in who is gone, as far as the mesh knows, if there is one.
    pub(super) fn ask_mesh(self: &Arc<Self>) -> Result<()> {
        let mesh = self.part()?.mesh.clone();
        match mesh {
            Some(mesh) => self.act_placed(|placement, _| placement.see_gone(mesh.gone())),
            None => Ok(()),
        }
    }
}
