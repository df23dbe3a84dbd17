//! Compiles the libuv server when the library's header is there, and says so when it is not.

fn main() {
    println!("cargo:rustc-check-cfg=cfg(have_libuv)");
    println!("cargo:rerun-if-changed=c/uv_echo.c");
    #[cfg(feature = "libuv")]
    libuv();
}

#[cfg(feature = "libuv")]
fn libuv() {
    let compiled = cc::Build::new()
        .file("c/uv_echo.c")
        .opt_level(2)
        .warnings(true)
        .cargo_metadata(true)
        .try_compile("uv_echo");
    match compiled {
        Ok(()) => {
            println!("cargo:rustc-link-lib=uv");
            println!("cargo:rustc-cfg=have_libuv");
        }
        Err(error) => {
            println!("cargo:warning=libuv is left out (Debian: libuv1-dev): {error}");
        }
    }
}
