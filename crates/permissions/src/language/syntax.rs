//! What the parser finds: declarations and expressions with their places.

use super::Span;

/// A name and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub text: String,
    pub span: Span,
}

/// A namespace.
#[derive(Debug, Clone)]
pub(super) struct Class {
    pub name: Name,
    /// Relations and permits in the order of the source.
    pub members: Vec<Member>,
}

/// A relation or a permit.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub name: Name,
    pub kind: MemberKind,
}

#[derive(Debug, Clone)]
pub(super) enum MemberKind {
    Relation(Vec<Type>),
    Permit(Expression),
}

/// Who may stand in a relation.
#[derive(Debug, Clone)]
pub(super) struct Type {
    pub namespace: Name,
    pub relation: Option<Name>,
}

/// What a permit follows from.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    Any(Vec<Expression>),
    All(Vec<Expression>),
    Not(Box<Expression>),
    Computed(Name),
    Traverse { relation: Name, target: Name },
}

/// How operands are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
}

impl Operator {
    pub fn sign(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
        }
    }

    /// Both sides as one expression; an expression of the same kind on the left takes the right one in.
    pub fn join(self, left: Expression, right: Expression) -> Expression {
        match (self, left) {
            (Self::Or, Expression::Any(mut parts)) => {
                parts.push(right);
                Expression::Any(parts)
            }
            (Self::And, Expression::All(mut parts)) => {
                parts.push(right);
                Expression::All(parts)
            }
            (Self::Or, left) => Expression::Any(vec![left, right]),
            (Self::And, left) => Expression::All(vec![left, right]),
        }
    }
}
