//! The fields that a schema's traits make in a form (identity-flows.md §3.3), and the reading of form values (§0).

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::annotations::{MARK, Mark};
use super::references::{Library, Place};
use crate::model::message::{Message, ids};
use crate::model::ui::{Group, InputKind, InputOption, Node};

/// How many subschemas are looked at: references can make a small document a tree without end.
const BUDGET: usize = 5_000;
/// How deep fields may lie.
const DEEPEST: usize = 10;
/// How many choices a field shows.
const MOST_OPTIONS: usize = 500;

/// The fields of all traits, in the order of the document.
#[derive(Debug, Default)]
pub(super) struct Fields {
    leaves: Vec<Field>,
    names: Vec<String>,
    /// The objects that hold fields, outer ones first, below `traits`.
    parents: Vec<Vec<String>>,
    required: HashSet<String>,
}

#[derive(Debug)]
struct Field {
    kind: Kind,
    title: Option<String>,
    format: Option<String>,
    pattern: Option<String>,
    options: Vec<Value>,
    disabled: bool,
    identifier: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Text,
    Number,
    Integer,
    Boolean,
    List(Box<Kind>),
}

impl Fields {
    /// The fields below `properties.traits`.
    pub(super) fn read(library: &Library, marks: &[Mark]) -> Self {
        let mut reader = Reader { library, marks, budget: BUDGET, fields: Self::default() };
        if let Some(traits) = library.start().below("properties").and_then(|place| place.below("traits")) {
            reader.object(traits, &[], false);
        }
        reader.fields
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Where a value of this dotted path stands in the order of fields.
    pub(super) fn position(&self, path: &str) -> Option<usize> {
        self.names.iter().position(|name| name == self.nearest(path))
    }

    /// The field that shows the value of this dotted path: itself, or the list that it is an item of.
    pub(super) fn nearest<'a>(&'a self, path: &'a str) -> &'a str {
        let holds = |name: &String| path.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'));
        self.names.iter().find(|name| holds(name)).map_or(path, String::as_str)
    }

    /// The names and titles of the fields that a password goes with.
    pub(super) fn identifiers(&self) -> Vec<(&str, Option<&str>)> {
        let fields = self.names.iter().zip(&self.leaves).filter(|(_, field)| field.identifier);
        fields.map(|(name, field)| (name.as_str(), field.title.as_deref())).collect()
    }

    pub(super) fn nodes(&self, group: Group) -> Vec<Node> {
        let node = |(name, field): (&String, &Field)| field.node(group, name, self.required.contains(name));
        self.names.iter().zip(&self.leaves).map(node).collect()
    }

    /// Adds the objects that hold fields where they are absent, as a form has a place for all of them.
    pub(super) fn with_parents(&self, traits: &Value) -> Value {
        let mut filled = traits.clone();
        for path in &self.parents {
            let mut at = &mut filled;
            for segment in path {
                let Value::Object(object) = at else { break };
                at = object.entry(segment.clone()).or_insert_with(|| Value::Object(Map::new()));
            }
        }
        filled
    }

    /// Reads the values that a form sent under `name`.
    pub(super) fn coerce(&self, name: &str, values: &[String]) -> Option<Value> {
        let given: Vec<&str> = values.iter().map(String::as_str).filter(|value| !value.is_empty()).collect();
        let last = *given.last()?;
        let field = |name: &str| {
            let position = self.names.iter().position(|known| known == name)?;
            self.leaves.get(position)
        };
        let kind = match field(name) {
            Some(field) => &field.kind,
            // An item of a list, by its index.
            None => match name.rsplit_once('.').and_then(|(list, _)| field(list)).map(|field| &field.kind) {
                Some(Kind::List(item)) => item,
                _ => &Kind::Text,
            },
        };
        Some(match kind {
            Kind::List(item) => given.iter().map(|text| item.coerce(text)).collect(),
            kind => kind.coerce(last),
        })
    }
}

impl Kind {
    /// A value that does not fit stays a text, so that the schema says what is wrong with it.
    fn coerce(&self, text: &str) -> Value {
        let integer = || text.parse::<i64>().map(Value::from).ok();
        let number = || text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from);
        let coerced = match self {
            Self::Integer => integer(),
            Self::Number => integer().or_else(number),
            Self::Boolean => match text {
                "1" | "t" | "T" | "true" | "TRUE" | "True" | "on" => Some(Value::Bool(true)),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::Text | Self::List(_) => None,
        };
        coerced.unwrap_or_else(|| Value::from(text))
    }
}

impl Field {
    fn node(&self, group: Group, name: &str, required: bool) -> Node {
        let own_name = name.rsplit('.').next().unwrap_or_default();
        let format = self.format.as_deref().filter(|_| self.kind == Kind::Text);
        let (kind, autocomplete) = match (own_name, &self.kind, format) {
            ("password", ..) => (InputKind::Password, None),
            ("csrf_token", ..) => (InputKind::Hidden, None),
            (_, Kind::Number | Kind::Integer, _) => (InputKind::Number, None),
            (_, Kind::Boolean, _) => (InputKind::Checkbox, None),
            (_, _, Some("email")) => (InputKind::Email, Some("email")),
            (_, _, Some("tel")) => (InputKind::Tel, Some("tel")),
            (_, _, Some("uri")) => (InputKind::Url, Some("url")),
            (_, _, Some("date")) => (InputKind::Date, None),
            (_, _, Some("date-time")) => (InputKind::DatetimeLocal, None),
            _ => (InputKind::Text, None),
        };
        let mut node = Node::input(group, name, kind).with(|input| {
            input.required = required;
            input.autocomplete = autocomplete.map(str::to_owned);
            input.pattern.clone_from(&self.pattern);
            input.disabled = self.disabled;
            let options = self.options.iter().take(MOST_OPTIONS);
            input.options = options.map(|value| InputOption { value: value.clone() }).collect();
        });
        if let Some(title) = &self.title {
            node = node.label(title_label(title, name));
        }
        node
    }
}

/// The label that shows a trait's title.
pub(super) fn title_label(title: &str, name: &str) -> Message {
    Message::new(ids::LABEL_GENERATED, [("title", title.into()), ("name", name.into())])
}

impl<'a> Place<'a> {
    fn below(self, key: &str) -> Option<Place<'a>> {
        self.schema.get(key).map(|schema| Place { schema, ..self })
    }

    fn branches(self, key: &str) -> impl Iterator<Item = Place<'a>> + use<'a> {
        let list = self.schema.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().map(move |schema| Place { schema, ..self })
    }

    fn text(self, key: &str) -> Option<&'a str> {
        self.schema.get(key).and_then(Value::as_str)
    }
}

/// What is known of a subschema, its references and branches together.
#[derive(Default)]
struct Facts<'a> {
    kind: Option<&'a str>,
    title: Option<&'a str>,
    format: Option<&'a str>,
    pattern: Option<&'a str>,
    options: Option<&'a Vec<Value>>,
    items: Option<Place<'a>>,
    has_properties: bool,
    disabled: bool,
    identifier: bool,
}

struct Reader<'a> {
    library: &'a Library,
    marks: &'a [Mark],
    budget: usize,
    fields: Fields,
}

impl<'a> Reader<'a> {
    fn spend(&mut self) -> bool {
        self.budget = self.budget.saturating_sub(1);
        self.budget > 0
    }

    /// Reads the properties of an object. What stands in a branch that may not apply is not required.
    fn object(&mut self, place: Place<'a>, path: &[String], may_not_apply: bool) {
        if !self.spend() || path.len() > DEEPEST {
            return;
        }
        if let Some(target) = place.text("$ref").and_then(|reference| self.library.resolve(place, reference)) {
            self.object(target, path, may_not_apply);
        }
        let Value::Object(object) = place.schema else { return };
        for key in object.keys() {
            match key.as_str() {
                "properties" => self.properties(place, path, may_not_apply),
                "allOf" => place.branches(key).for_each(|branch| self.object(branch, path, may_not_apply)),
                "anyOf" | "oneOf" => place.branches(key).for_each(|branch| self.object(branch, path, true)),
                "if" | "then" | "else" => {
                    if let Some(branch) = place.below(key) {
                        self.object(branch, path, true);
                    }
                }
                "required" if !may_not_apply => {
                    let names = place.schema.get(key).and_then(Value::as_array).into_iter().flatten();
                    self.fields.required.extend(names.filter_map(Value::as_str).map(|name| full_name(path, name)));
                }
                _ => {}
            }
        }
    }

    fn properties(&mut self, place: Place<'a>, path: &[String], may_not_apply: bool) {
        let Some(Value::Object(properties)) = place.schema.get("properties") else { return };
        for (name, schema) in properties {
            let place = Place { schema, ..place };
            let mut facts = Facts::default();
            self.gather(place, &mut facts, 0);
            if facts.kind == Some("object") || facts.has_properties {
                let below: Vec<String> = path.iter().chain(std::iter::once(name)).cloned().collect();
                if !may_not_apply && !self.fields.parents.contains(&below) && self.budget > 0 && below.len() <= DEEPEST
                {
                    self.fields.parents.push(below.clone());
                }
                self.object(place, &below, may_not_apply);
            } else if let Some(kind) = self.kind(&mut facts) {
                self.leaf(full_name(path, name), kind, &facts);
            }
        }
    }

    fn leaf(&mut self, name: String, kind: Kind, facts: &Facts<'a>) {
        if self.fields.names.contains(&name) {
            return;
        }
        self.fields.names.push(name);
        self.fields.leaves.push(Field {
            kind,
            title: facts.title.map(str::to_owned),
            format: facts.format.map(str::to_owned),
            pattern: facts.pattern.map(str::to_owned),
            options: facts.options.cloned().unwrap_or_default(),
            disabled: facts.disabled,
            identifier: facts.identifier,
        });
    }

    /// The kind of a field, unless it is one that no input shows.
    fn kind(&mut self, facts: &mut Facts<'a>) -> Option<Kind> {
        Some(match facts.kind {
            Some("number") => Kind::Number,
            Some("integer") => Kind::Integer,
            Some("boolean") => Kind::Boolean,
            Some("array") => {
                let mut item = Facts::default();
                if let Some(items) = facts.items {
                    self.gather(items, &mut item, 0);
                }
                if item.kind == Some("array") || item.kind == Some("object") || item.has_properties {
                    return None;
                }
                facts.identifier |= item.identifier;
                Kind::List(Box::new(self.kind(&mut item)?))
            }
            _ => Kind::Text,
        })
    }

    /// What comes first counts.
    fn gather(&mut self, place: Place<'a>, facts: &mut Facts<'a>, depth: usize) {
        if !self.spend() || depth > DEEPEST {
            return;
        }
        let types = place.schema.get("type");
        let first = types.and_then(Value::as_array).and_then(|list| list.iter().find(|kind| *kind != "null"));
        facts.kind = facts.kind.or_else(|| first.or(types).and_then(Value::as_str));
        facts.title = facts.title.or_else(|| place.text("title"));
        facts.format = facts.format.or_else(|| place.text("format"));
        facts.pattern = facts.pattern.or_else(|| place.text("pattern"));
        facts.options = facts.options.or_else(|| place.schema.get("enum").and_then(Value::as_array));
        facts.items = facts.items.or_else(|| place.below("items"));
        facts.has_properties |= place.schema.get("properties").is_some_and(Value::is_object);
        let number = place.schema.get(MARK).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
        let mark = number.and_then(|number| self.marks.get(number));
        facts.identifier |= mark.is_some_and(|mark| mark.annotation.credentials.password.identifier);
        facts.disabled |= place.schema.get("disableFormField") == Some(&Value::Bool(true));
        if let Some(target) = place.text("$ref").and_then(|reference| self.library.resolve(place, reference)) {
            self.gather(target, facts, depth + 1);
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            place.branches(key).for_each(|branch| self.gather(branch, facts, depth + 1));
        }
    }
}

fn full_name(path: &[String], name: &str) -> String {
    let segments = std::iter::once("traits").chain(path.iter().map(String::as_str)).chain(std::iter::once(name));
    segments.collect::<Vec<_>>().join(".")
}
