//! Rust names: from the definition's words to identifiers that never meet a keyword or one another.
//!
//! The definition has seen to it that its own names differ from one another; here they are kept apart from
//! the names of generated things.

use kafmesh_definition::Name;
use kafmesh_definition::model::{ProcessorOutput, TopicUse};
use proc_macro2::{Ident, Span};

/// Methods of `Service` and `ServiceTest` (and the field behind them) that no component may be called.
const RESERVED_COMPONENT_METHODS: &[&str] = &[
    "add_file_descriptor_set",
    "add_grpc_service",
    "advance",
    "connect",
    "default",
    "inner",
    "new",
    "now",
    "records",
    "run",
    "settle",
    "source",
    "stopper",
];

/// Methods of a processor's test driver that no input may be called.
const RESERVED_DRIVER_METHODS: &[&str] = &[
    "advance",
    "clear_outputs",
    "inner",
    "new",
    "now",
    "outputs",
    "set_headers",
    "set_state",
    "state",
];

/// Makes `text` usable as an identifier: keywords become raw (`r#type`), the few that cannot be raw get
/// a trailing `_`, and a leading digit a leading `_`.
pub(crate) fn escape(text: &str) -> String {
    match text {
        // Keywords of all editions, reserved ones included: the user's crate chooses the edition.
        "abstract" | "as" | "async" | "await" | "become" | "box" | "break" | "const"
        | "continue" | "do" | "dyn" | "else" | "enum" | "false" | "final" | "fn" | "for"
        | "gen" | "if" | "impl" | "in" | "let" | "loop" | "macro" | "match" | "mod" | "move"
        | "mut" | "override" | "priv" | "pub" | "ref" | "return" | "static" | "struct"
        | "trait" | "true" | "try" | "type" | "typeof" | "unsafe" | "unsized" | "use"
        | "virtual" | "where" | "while" | "yield" => format!("r#{text}"),
        "" | "_" | "self" | "Self" | "super" | "crate" | "extern" => format!("{text}_"),
        _ if !text.starts_with(unicode_ident::is_xid_start) && !text.starts_with('_') => {
            format!("_{text}")
        }
        _ => text.to_owned(),
    }
}

/// Whether every character of `text` may stand in an identifier, and at least one says something.
pub(crate) fn is_speakable(text: &str) -> bool {
    text.chars().all(unicode_ident::is_xid_continue) && text.chars().any(|c| c != '_')
}

/// An identifier from text that [`is_speakable`], keyword or not.
pub(crate) fn ident(text: &str) -> Ident {
    let escaped = escape(text);
    match escaped.strip_prefix("r#") {
        Some(raw) => Ident::new_raw(raw, Span::call_site()),
        None => Ident::new(&escaped, Span::call_site()),
    }
}

/// The file or directory name of a module: its identifier without `r#`.
pub(crate) fn file_stem(module: &Ident) -> String {
    let text = module.to_string();
    text.strip_prefix("r#").map_or(text.clone(), str::to_owned)
}

/// What a component is called in Rust.
pub(crate) struct ComponentNames {
    /// Its module in the output directory (`math`).
    pub(crate) module: Ident,
    /// Its method on `Service` (`math`).
    pub(crate) method: Ident,
    /// Its type (`MathComponent`).
    pub(crate) type_name: Ident,
}

/// Names of the component `name`.
pub(crate) fn component(name: &Name) -> ComponentNames {
    let snake = name.snake();
    ComponentNames {
        module: ident(&snake),
        method: ident(&unless_reserved(
            &snake,
            RESERVED_COMPONENT_METHODS,
            "_component",
        )),
        type_name: ident(&format!("{}Component", name.pascal())),
    }
}

/// What a source or a view is called in Rust.
pub(crate) struct HandleNames {
    /// Its module, and its method on the component (`user_id_click_source`).
    pub(crate) module: Ident,
    /// Its type (`UserIdClickSource`).
    pub(crate) type_name: Ident,
}

/// Names of the source that emits `message`.
pub(crate) fn source(message: &Name) -> HandleNames {
    handle(message, "source", "Source")
}

/// Names of the view that copies `message`.
pub(crate) fn view(message: &Name) -> HandleNames {
    handle(message, "view", "View")
}

fn handle(message: &Name, snake_suffix: &str, pascal_suffix: &str) -> HandleNames {
    HandleNames {
        module: ident(&format!("{}_{snake_suffix}", message.snake())),
        type_name: ident(&format!("{}{pascal_suffix}", message.pascal())),
    }
}

/// What a processor is called in Rust.
pub(crate) struct ProcessorNames {
    /// Its module (`total_clicks_processor`).
    pub(crate) module: Ident,
    /// Its method on the component (`register_total_clicks_processor`).
    pub(crate) register: Ident,
    /// The trait of its handlers (`TotalClicksProcessor`).
    pub(crate) handlers: Ident,
    /// What a handler may do (`TotalClicksContext`).
    pub(crate) context: Ident,
    /// The bridge from the runtime to the handlers (`TotalClicksDispatch`).
    pub(crate) dispatch: Ident,
    /// The broker-less driver (`TotalClicksTest`).
    pub(crate) test: Ident,
    /// What the driver captured (`TotalClicksOutputs`).
    pub(crate) outputs: Ident,
}

impl ProcessorNames {
    /// The types of the processor's module that its component's module re-exports.
    pub(crate) fn types(&self) -> [&Ident; 4] {
        [&self.context, &self.outputs, &self.handlers, &self.test]
    }
}

/// Names of the processor `name`.
pub(crate) fn processor(name: &Name) -> ProcessorNames {
    let (snake, pascal) = (name.snake(), name.pascal());
    ProcessorNames {
        module: ident(&format!("{snake}_processor")),
        register: ident(&format!("register_{snake}_processor")),
        handlers: ident(&format!("{pascal}Processor")),
        context: ident(&format!("{pascal}Context")),
        dispatch: ident(&format!("{pascal}Dispatch")),
        test: ident(&format!("{pascal}Test")),
        outputs: ident(&format!("{pascal}Outputs")),
    }
}

/// The component's method that registers the processors which share its state. No processor's own can be
/// called so: they end in `_processor`.
pub(crate) fn register_processors() -> Ident {
    ident("register_processors")
}

/// The argument that stands for the processor `name` there.
pub(crate) fn argument(name: &Name) -> Ident {
    ident(&name.snake())
}

/// What a sink, a view source or a view sink is called in Rust.
pub(crate) struct RegisteredNames {
    /// Its module (`archive_sink`).
    pub(crate) module: Ident,
    /// Its method on the component (`register_archive_sink`).
    pub(crate) register: Ident,
    /// The trait that the user implements (`ArchiveSink`).
    pub(crate) handlers: Ident,
    /// The bridge from the runtime to the user's type (`ArchiveSinkDispatch`).
    pub(crate) dispatch: Ident,
    /// The broker-less driver (`ArchiveSinkTest`).
    pub(crate) test: Ident,
}

/// Names of the sink `name`.
pub(crate) fn sink(name: &Name) -> RegisteredNames {
    registered(name, "sink", "Sink")
}

/// Names of the view source `name`.
pub(crate) fn view_source(name: &Name) -> RegisteredNames {
    registered(name, "view_source", "ViewSource")
}

/// Names of the view sink `name`.
pub(crate) fn view_sink(name: &Name) -> RegisteredNames {
    registered(name, "view_sink", "ViewSink")
}

fn registered(name: &Name, snake_suffix: &str, pascal_suffix: &str) -> RegisteredNames {
    let snake = format!("{}_{snake_suffix}", name.snake());
    let pascal = format!("{}{pascal_suffix}", name.pascal());
    RegisteredNames {
        module: ident(&snake),
        register: ident(&format!("register_{snake}")),
        handlers: ident(&pascal),
        dispatch: ident(&format!("{pascal}Dispatch")),
        test: ident(&format!("{pascal}Test")),
    }
}

/// What an input's methods are called.
pub(crate) struct InputNames {
    /// The handler of a record (`handle_user_id_click`).
    pub(crate) handle: Ident,
    /// The handler of a delete (`handle_user_id_click_delete`).
    pub(crate) handle_delete: Ident,
    /// The driver's method that sends a record (`user_id_click`).
    pub(crate) send: Ident,
    /// The driver's method that sends a delete (`user_id_click_delete`).
    pub(crate) send_delete: Ident,
}

/// Names of a processor's input; one named like a method of the driver gets `_input` appended.
pub(crate) fn input(input: &TopicUse) -> InputNames {
    let handled = input.message.snake();
    let sent = unless_reserved(&handled, RESERVED_DRIVER_METHODS, "_input");
    InputNames {
        handle: ident(&format!("handle_{handled}")),
        handle_delete: ident(&format!("handle_{handled}_delete")),
        send: ident(&sent),
        send_delete: ident(&format!("{sent}_delete")),
    }
}

/// What the methods of a join or a lookup are called.
pub(crate) struct TableNames {
    /// The context's method that reads an entry (`join_device_id_customer`).
    pub(crate) get: Ident,
    /// The driver's method that sets an entry (`set_join_device_id_customer`).
    pub(crate) set: Ident,
    /// The driver's method that removes an entry (`remove_join_device_id_customer`).
    pub(crate) remove: Ident,
}

/// Names of a processor's join.
pub(crate) fn join(join: &TopicUse) -> TableNames {
    table("join", join)
}

/// Names of a processor's lookup.
pub(crate) fn lookup(lookup: &TopicUse) -> TableNames {
    table("lookup", lookup)
}

fn table(kind: &str, topic: &TopicUse) -> TableNames {
    let get = format!("{kind}_{}", topic.message.snake());
    TableNames {
        set: ident(&format!("set_{get}")),
        remove: ident(&format!("remove_{get}")),
        get: ident(&get),
    }
}

/// What an output's methods are called.
pub(crate) struct OutputNames {
    /// The context's method that writes a record (`output_user_id_total_clicks`).
    pub(crate) output: Ident,
    /// The context's method that writes a delete (`delete_user_id_total_clicks`).
    pub(crate) delete: Ident,
    /// The captured values (`user_id_total_clicks`).
    pub(crate) values: Ident,
    /// The captured records (`user_id_total_clicks_records`).
    pub(crate) records: Ident,
}

/// Names of a processor's output. None is `delete_state`: a message has two parts.
pub(crate) fn output(output: &ProcessorOutput) -> OutputNames {
    let message = output.topic.message.snake();
    OutputNames {
        output: ident(&format!("output_{message}")),
        delete: ident(&format!("delete_{message}")),
        values: ident(&message),
        records: ident(&format!("{message}_records")),
    }
}

/// `name`, with `suffix` when it is one of `reserved`.
fn unless_reserved(name: &str, reserved: &[&str], suffix: &str) -> String {
    if reserved.contains(&name) {
        format!("{name}{suffix}")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_digits_and_caseless_scripts_become_identifiers() {
        for (text, expected) in [
            ("type", "r#type"),
            ("gen", "r#gen"),
            ("self", "self_"),
            ("Self", "Self_"),
            ("crate", "crate_"),
            ("3d_model", "_3d_model"),
            ("größe", "größe"),
            ("日本_source", "日本_source"),
            ("math", "math"),
        ] {
            assert_eq!(ident(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn every_escaped_keyword_parses_as_an_identifier() {
        for keyword in [
            "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
            "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen",
            "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override",
            "priv", "pub", "ref", "return", "self", "Self", "static", "struct", "super", "trait",
            "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where",
            "while", "yield", "_",
        ] {
            let module = format!("pub mod {} {{}}", ident(keyword));
            assert!(syn::parse_str::<syn::ItemMod>(&module).is_ok(), "{module}");
        }
    }

    #[test]
    fn a_file_is_never_called_raw() {
        assert_eq!(file_stem(&ident("type")), "type");
        assert_eq!(file_stem(&ident("self")), "self_");
    }

    #[test]
    fn text_without_letters_is_not_speakable() {
        assert!(is_speakable("a_b"));
        assert!(!is_speakable(""));
        assert!(!is_speakable("__"));
        assert!(!is_speakable("a-b"));
        assert!(!is_speakable("☃"));
    }
}
