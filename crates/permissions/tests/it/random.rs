//! Random namespaces and relationships, from a seed.

use foundation::Timestamp;
use permissions::model::{Namespace, Relation, RelationTuple, Rewrite, Schema, Subject, SubjectSet, TypeReference};

/// Numbers that follow from a seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }

    pub fn of<'t, T>(&mut self, values: &'t [T]) -> &'t T {
        &values[self.roll(values.len())]
    }

    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for at in (1..values.len()).rev() {
            values.swap(at, self.roll(at + 1));
        }
    }
}

const NAMESPACES: [&str; 4] = ["User", "Team", "Box", "Open"];
const RELATIONS: [&str; 3] = ["a", "b", "up"];
const PERMITS: [&str; 3] = ["p", "q", "s"];

/// Namespaces with relations and permits; `wild` ones may depend on their own opposite.
pub fn schema(dice: &mut Dice, wild: bool) -> Schema {
    let mut namespaces = vec![Namespace::open("User"), Namespace::open("Open")];
    for name in ["Team", "Box"] {
        let mut relations = Vec::new();
        for relation in RELATIONS {
            let mut types = vec![TypeReference { namespace: "User".into(), relation: None }];
            for _ in 0..dice.roll(4) {
                let relation = match dice.roll(4) {
                    0 => None,
                    1 => Some((*dice.of(&PERMITS)).to_owned()),
                    _ => Some((*dice.of(&RELATIONS)).to_owned()),
                };
                types.push(TypeReference { namespace: (*dice.of(&["Team", "Box"])).to_owned(), relation });
            }
            relations.push(Relation { name: relation.into(), types, rewrite: None });
        }
        for (at, permit) in PERMITS.iter().enumerate() {
            let rewrite = match expression(dice, 2, at, wild) {
                group @ (Rewrite::Any(_) | Rewrite::All(_)) => group,
                single => Rewrite::Any(vec![single]),
            };
            relations.push(Relation { name: (*permit).into(), types: Vec::new(), rewrite: Some(rewrite) });
        }
        namespaces.push(Namespace { name: name.into(), relations });
    }
    Schema { namespaces }
}

fn expression(dice: &mut Dice, depth: usize, permit: usize, wild: bool) -> Rewrite {
    if depth > 0 && dice.chance(70) {
        let parts = (0..=1 + dice.roll(2)).map(|_| expression(dice, depth - 1, permit, wild)).collect();
        return if dice.chance(55) { Rewrite::Any(parts) } else { Rewrite::All(parts) };
    }
    if dice.chance(25) {
        let below = if wild { expression(dice, depth.min(1), permit, wild) } else { atom(dice, 0) };
        return Rewrite::Not(Box::new(below));
    }
    atom(dice, if wild { PERMITS.len() } else { permit + 1 })
}

/// A relation, or one of the first permits, of the same object or of others.
fn atom(dice: &mut Dice, permits: usize) -> Rewrite {
    let name = match dice.roll(RELATIONS.len() + permits) {
        at if at < RELATIONS.len() => RELATIONS[at],
        at => PERMITS[at - RELATIONS.len()],
    };
    if dice.chance(35) {
        Rewrite::Traverse { relation: (*dice.of(&RELATIONS)).into(), target: name.into() }
    } else {
        Rewrite::Computed(name.into())
    }
}

/// Relationships, of which some obey no declaration and some have lapsed.
pub fn tuples(dice: &mut Dice, schema: &Schema, now: Timestamp) -> Vec<RelationTuple> {
    let objects = 2 + dice.roll(3);
    let count = 4 + dice.roll(26);
    let mut found: Vec<RelationTuple> = Vec::new();
    for _ in 0..count {
        let namespace = *dice.of(&NAMESPACES[1..]);
        let declared = schema.namespace(namespace).unwrap();
        let relation = if declared.relations.is_empty() || dice.chance(10) {
            (*dice.of(&["a", "p", "odd", ""])).to_owned()
        } else {
            (*dice.of(&RELATIONS)).to_owned()
        };
        let object = format!("o{}", dice.roll(objects));
        let types = declared.relation(&relation).map_or(&[][..], |r| &r.types);
        let subject = match dice.roll(10) {
            0..4 => Subject::Id(format!("u{}", dice.roll(4))),
            4..9 if !types.is_empty() => {
                let of = dice.of(types);
                let object = format!("o{}", dice.roll(objects));
                Subject::Set(SubjectSet::new(&of.namespace, object, of.relation.as_deref().unwrap_or("")))
            }
            _ => {
                let relation = *dice.of(&["a", "b", "p", "q", "", "odd"]);
                Subject::Set(SubjectSet::new(*dice.of(&NAMESPACES), format!("o{}", dice.roll(objects)), relation))
            }
        };
        let mut tuple = RelationTuple::new(namespace, object, relation, subject);
        if dice.chance(15) {
            let second = now.as_second() + dice.roll(3) as i64 - 1;
            tuple.expires_at = Some(Timestamp::from_second(second).unwrap());
        }
        let same = |t: &&mut RelationTuple| t.set() == tuple.set() && t.subject == tuple.subject;
        match found.iter_mut().find(same) {
            Some(earlier) => *earlier = tuple,
            None => found.push(tuple),
        }
    }
    found
}
