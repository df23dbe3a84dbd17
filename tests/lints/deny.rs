//! `Lints::Deny`: what is reported is a failure.
