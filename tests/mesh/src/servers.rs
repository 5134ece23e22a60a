//! Where the servers are that the tests need; `cargo xtask test` starts them and says so here.

/// The value of an environment variable that says where a server is.
///
/// # Panics
///
/// When it is not set, with how to get it: a test without its server does not pass.
pub fn required(variable: &str, command: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set; `cargo xtask test` sets it, or take it from `{command}`")
    })
}
