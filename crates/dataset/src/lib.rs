//! Texts for tasks: streamed from local files and from the hub, shuffled, resumed.
