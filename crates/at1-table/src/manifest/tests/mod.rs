//! A table's history as a naive list, and manifests that are asked the same.

mod answers;
mod canonical;
mod damage;
mod spec;
mod world;
