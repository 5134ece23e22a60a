//! Names that would do harm if they were ever taken for anything but names.

/// All of them, each different from the others.
#[allow(
    non_snake_case,
    reason = "it stands for a constant that needs allocations"
)]
pub(crate) fn ODD() -> Vec<String> {
    let mut names: Vec<String> = [
        "plain",
        "",
        " ",
        "with space",
        "a/b",
        "a%2Fb",
        "'quoted'",
        "\"quoted\"",
        "`ticks`",
        "back\\slash",
        "\\u0027}) DETACH DELETE n //",
        "'}) MATCH (n) DETACH DELETE n //",
        "`]->() WITH 1 AS x MATCH (n) DETACH DELETE n //",
        "$rows",
        "{kafmeshKey: 'x'}",
        "line\nbreak\ttab\r",
        "nul\0inside",
        "🦀 emoji",
        "e\u{301} combining",
        "\u{202e}right to left",
        "null",
        "\u{feff}mark",
        "\u{10ffff}",
    ]
    .map(String::from)
    .into();
    names.push("x".repeat(10_000));
    names.push(format!("{}y", "x".repeat(10_000)));
    names.push("ü🦀".repeat(10_000));
    names.push("/".repeat(4_000));
    names
}
