//! Faults as a client sees them, with a real JSON-RPC server behind the drill.

mod plain;
mod server;
mod websocket;
