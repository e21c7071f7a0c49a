//! Panics: none is reachable in a release, and the linker proves it.

/// A release refers to a symbol that nobody defines: if any panic is left in the code, the link fails and names it.
#[cfg(not(debug_assertions))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        #[link_name = "a panic is reachable in a release build of vesicle"]
        fn a_panic_is_reachable() -> !;
    }
    // SAFETY: never linked, so never called.
    unsafe { a_panic_is_reachable() }
}

/// A debug build keeps its overflow checks, and ends with our own exit code when one fires.
#[cfg(debug_assertions)]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    vesicle::sys::exit(vesicle::status::OWN)
}

/// The precompiled core refers to it where it is not optimised away; nothing unwinds here, so nothing calls it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As above, for the landing pads of a core that was compiled to unwind.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    vesicle::sys::exit(vesicle::status::OWN)
}
