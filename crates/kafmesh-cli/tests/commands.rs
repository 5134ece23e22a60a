//! The command lines, as their users see them: what is printed, what is written, how it ends.
//!
//! `TRYCMD=overwrite cargo test -p kafmesh-cli --test commands` rewrites the expectations.

#[test]
fn commands() {
    let cases = trycmd::TestCases::new();
    cases.case("tests/cmd/*.trycmd");
    // Help lists `dev`, which is not always there.
    if !cfg!(all(feature = "dev", unix)) {
        cases.skip("tests/cmd/help.trycmd");
    }
}
