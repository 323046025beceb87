//! The programs as an operator runs them: real processes, real sockets, real chain and models.

mod admin;
mod away;
mod drill;
mod gateway;
mod harness;
mod kill;
mod openai;
mod outage;
mod quiet;
mod tls;
mod up;
mod whole;
mod wrong_input;
