//! The models that judge texts, each on one device behind one queue.
