//! The help of every command.

use std::path::Path;
use std::process::Command;

/// A heading and the help text for `kafmesh` and each of its commands.
pub(super) fn all(kafmesh: &Path) -> String {
    let overview = help(kafmesh, &[]);
    let mut text = format!("## kafmesh\n\n{}", block(&overview));
    for command in commands(&overview) {
        text.push_str(&format!(
            "\n## kafmesh {command}\n\n{}",
            block(&help(kafmesh, &[command]))
        ));
    }
    text
}

fn block(help: &str) -> String {
    format!("```text\n{}\n```\n", help.trim_end())
}

/// The commands that the overview lists.
fn commands(overview: &str) -> Vec<&str> {
    let list = overview
        .split_once("\nCommands:\n")
        .expect("the help lists commands")
        .1;
    let list = list.split("\n\n").next().unwrap_or_default();
    // A description that is wrapped goes on further to the right.
    let names = list.lines().filter_map(|line| {
        line.strip_prefix("  ")
            .filter(|line| !line.starts_with(' '))
    });
    names
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

fn help(kafmesh: &Path, command: &[&str]) -> String {
    let output = Command::new(kafmesh)
        .args(command)
        .arg("--help")
        .env("NO_COLOR", "1")
        .env_remove("COLUMNS")
        .output()
        .expect("kafmesh runs");
    assert!(output.status.success(), "kafmesh {command:?} --help failed");
    let text = String::from_utf8(output.stdout).expect("help is UTF-8");
    text.lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn commands_are_read_from_the_overview() {
        let overview = "About\n\nUsage: x\n\nCommands:\n  new    Start\n           again\n  check  Find\n\nOptions:\n  -h\n";
        assert_eq!(super::commands(overview), ["new", "check"]);
    }
}
