//! rigi-store
