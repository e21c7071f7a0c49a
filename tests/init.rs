//! `vesicle init`, by its own name and by those of tini, docker-init, dumb-init and catatonit: each promise is a function,
//! shown of ours and measured of the others.
#![allow(unsafe_code)]

mod common;

#[path = "init/edges.rs"]
mod edges;
#[path = "init/helper.rs"]
mod helper;
#[path = "init/jobs.rs"]
mod jobs;
#[path = "init/promises.rs"]
mod promises;
#[path = "init/signals.rs"]
mod signals;
#[path = "init/table.rs"]
mod table;
#[path = "init/tools.rs"]
mod tools;
#[path = "init/words.rs"]
mod words;
