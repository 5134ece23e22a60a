//! The settings of kafmesh-discover, from its command line.

use kafmesh_discover::config::settings;

use super::code;

/// A row per setting, in the order of the help.
pub(super) fn table() -> String {
    let rows = settings().into_iter().map(|setting| {
        let default = match setting.default.as_str() {
            "" => String::new(),
            default => code(default),
        };
        let meaning = match setting.flag {
            true => setting.meaning,
            false => format!("{} (no flag)", setting.meaning),
        };
        vec![code(setting.key), code(setting.variable), default, meaning]
    });
    super::table(&["key, flag", "variable", "default", "meaning"], rows)
}
