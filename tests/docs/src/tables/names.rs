//! How names are split and spelt, from the code that does it.

use kafmesh_definition::Name;

use super::{code, table};

/// What is written, chosen to show every rule once.
const WRITTEN: &[&str] = &[
    "math",
    "total clicks",
    "total-clicks",
    "total_clicks",
    "TOTAL_CLICKS",
    "userId.click",
    "userID",
    "HTTPServer",
    "s3 bucket",
    "2fa codes",
    "last 24h",
    "Größe in cm",
    "vehiclesService.vehicleId.details",
];

pub(super) fn examples() -> String {
    let rows = WRITTEN.iter().map(|written| {
        let name = Name::new(*written);
        vec![
            code(written),
            code(name.pascal()),
            code(name.snake()),
            code(name.lower_camel()),
        ]
    });
    table(
        &[
            "written",
            "types",
            "modules and functions",
            "topics and groups",
        ],
        rows,
    )
}
