//! Who is there: what a mesh needs of a membership protocol, without a socket, a clock or a thread.

use crate::clock::Nanos;
use crate::error::Result;

use super::proto::Node;
use crate::member::MemberState;

/// What became of a member.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    /// It is there.
    Up(Node),
    /// It does not answer any more.
    Down(Node),
    /// The others had given this node up; it is back under a new run.
    Renewed(Node),
}

/// A membership protocol.
pub(super) trait Membership: Send {
    /// This node, as others know it now.
    fn own(&self) -> Node;

    /// Tells a node that this one is there. It takes our runs up to `spent_run` for over, so we begin a newer one if
    /// ours is one of those.
    fn join(&mut self, peer: &Node, spent_run: u64, now: Nanos);

    /// Takes a packet.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for one that is none.
    fn hear(&mut self, packet: &[u8], now: Nanos) -> Result<()>;

    /// Does what is due.
    fn tick(&mut self, now: Nanos);

    /// When something is due next.
    fn due(&self) -> Nanos;

    /// Tells the others that this node goes.
    fn leave(&mut self, now: Nanos);

    /// Everybody who is known, with how they stand, but this node.
    fn members(&self) -> Vec<(Node, MemberState)>;

    /// Packets to send.
    fn take_packets(&mut self) -> Vec<(Node, Vec<u8>)>;

    /// What happened.
    fn take_events(&mut self) -> Vec<Event>;

    /// By how much the time limits of this node are lengthened.
    fn local_health(&self) -> u32;
}
