//! Nodes without sockets: packets go from hand to hand in a time of their own, over connections that break.

mod cases;
mod random;
mod wire;
mod world;
