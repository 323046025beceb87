//! The conformance and abuse kit behind `axoneme probe`: what an axon must serve, what it must refuse, and what it must
//! survive, sent as exact bytes over raw sockets.
//!
//! A [`Case`] says what it sends and what the wire's rules require. After each, the axon has to answer an honest ping:
//! a server that refuses rightly and dies of it has failed. Everything is bounded: connections, bytes, time. It is meant
//! for any axon, those of the Python SDK included, and tells a lax server from a strict one; it is not a load test.
//!
//! | module | what |
//! | --- | --- |
//! | `cases` | the tables of cases, one file per group |
//! | `session` | whom to ask, with which key and synapse |
//! | `draft`, `signed` | requests of both wires before and after signing, open to every kind of damage |
//! | `socket` | a connection with every byte in our hands |
//! | `case`, `verdict` | what a case is and what its outcome means |
//! | `report` | table, JSON, Markdown |
//! | `python` | what Python's own axon is known to let through |

mod case;
mod cases;
mod command;
mod draft;
mod error;
mod python;
mod report;
mod run;
mod session;
mod signed;
mod socket;
mod verdict;

pub use case::{Case, Expect, Group};
pub use cases::all as all_cases;
pub use command::{Format, ProbeArgs};
pub use error::ProbeError;
pub use report::{Finding, Report};
pub use run::{ProbeConfig, run};
pub use session::SynapseSpec;
pub use verdict::Verdict;
