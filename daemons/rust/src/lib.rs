//! Streaming-daemon answers HTTP clients whose sockets a web server hands over: it calls an
//! OpenAI-compatible API and relays the tokens as server-sent events.
//!
//! The way of a request through the modules: [`listener`] accepts the web server, [`handoff`]
//! takes the client's socket and the data, [`payload`] makes the API's request of it, [`api`]
//! sends it, [`sse`] and [`chunk`] read what comes back, [`exchange`] relays it, [`render`] says
//! how it looks and [`client`] writes it. [`server`] holds them together. The README says
//! what it is to do.

pub mod api;
pub mod chunk;
pub mod client;
pub mod config;
pub mod exchange;
pub mod handoff;
pub mod json;
pub mod listener;
pub mod log;
pub mod payload;
pub mod problem;
pub mod render;
pub mod server;
pub mod sse;
pub mod waiting;
