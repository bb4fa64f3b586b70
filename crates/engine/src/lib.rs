//! rigi-engine
