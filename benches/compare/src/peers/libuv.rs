//! libuv, for the servers: a small C file (`c/uv_echo.c`), as its users write it.
//!
//! When the library was missing at build time the server reports itself as not available.

use crate::peer::Unavailable;

/// Runs the C server in this process.
#[cfg(have_libuv)]
pub fn serve() -> Result<(), Unavailable> {
    // SAFETY: no arguments; it runs its loop on this thread until the tally ends the process.
    let result = unsafe { ffi::compare_uv_serve() };
    Err(Unavailable(format!("libuv ended with {result}")))
}

/// Stands in for the C server.
#[cfg(not(have_libuv))]
pub fn serve() -> Result<(), Unavailable> {
    Err(Unavailable(
        "built without libuv (Debian: libuv1-dev)".into(),
    ))
}

#[cfg(have_libuv)]
mod ffi {
    use crate::tally;

    unsafe extern "C" {
        pub(super) fn compare_uv_serve() -> std::ffi::c_int;
    }

    // SAFETY: the names are this package's own and defined once.
    #[unsafe(no_mangle)]
    extern "C" fn compare_tally_listening(port: u16) {
        tally::listening(port);
    }

    // SAFETY: as above.
    #[unsafe(no_mangle)]
    extern "C" fn compare_tally_accepted() {
        tally::accepted();
    }

    // SAFETY: as above.
    #[unsafe(no_mangle)]
    extern "C" fn compare_tally_closed() {
        tally::closed();
    }
}
