//! The runtime as its clients see it: blocks, signed transactions, calls, storage and runtime APIs.

#![allow(missing_docs)]

mod admin;
mod chain;
mod commit_reveal;
mod commitments;
mod dissolve;
mod drift;
mod epochs;
mod events;
mod full_subnet;
mod genesis;
mod hotkeys;
mod moving;
mod proxies;
mod registration;
mod schedule;
mod serving;
mod shield;
mod staking;
mod subnets;
mod timelock;
mod transactions;
mod vectors;
mod weights;
