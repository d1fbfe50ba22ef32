//! Tests of decisions: given what happened, when something is decided, then that happens. They need no store.

use std::fmt::Debug;

use super::aggregate::{Aggregate, Root};
use super::save::Position;

/// An aggregate to which these events happened.
///
/// ```
/// # use headwater::{Error, ErrorKind, Result, events::{Aggregate, DomainEvent, Root, given}};
/// # #[derive(Debug, PartialEq)] struct Deposited(u64);
/// # impl DomainEvent for Deposited {
/// #     fn event_type(&self) -> &str { "deposited" }
/// #     fn encode(&self) -> Result<Vec<u8>> { Ok(self.0.to_string().into_bytes()) }
/// #     fn decode(_: &str, _: u32, data: &[u8]) -> Result<Self> { Ok(Deposited(data.len() as u64)) }
/// # }
/// # #[derive(Default, Clone, Debug)] struct Account { balance: u64 }
/// # impl Aggregate for Account {
/// #     const NAME: &'static str = "account";
/// #     type Event = Deposited;
/// #     fn apply(&mut self, event: &Deposited) { self.balance += event.0; }
/// # }
/// fn deposit(account: &mut Root<Account>, amount: u64) -> Result<()> {
///     if account.state().balance + amount > 100 {
///         return Err(Error::new(ErrorKind::Invalid, "too much"));
///     }
///     account.raise(Deposited(amount));
///     Ok(())
/// }
///
/// given::<Account>([Deposited(5)]).when(|account| deposit(account, 7)).then(&[Deposited(7)]);
/// let refused = given::<Account>([Deposited(99)]).when(|account| deposit(account, 7));
/// assert_eq!(refused.then_error().message(), "too much");
/// ```
pub fn given<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let mut root = Root::<A>::new("test");
    for event in events {
        root.state.apply(&event);
        root.position = Position { version: root.position.version + 1, seq: root.position.seq + 1 };
    }
    Given(root)
}

/// An aggregate as it is before a decision.
pub struct Given<A: Aggregate>(Root<A>);

impl<A: Aggregate> Given<A> {
    /// Decides.
    pub fn when<T, E>(mut self, decide: impl FnOnce(&mut Root<A>) -> Result<T, E>) -> Decided<A, T, E> {
        let outcome = decide(&mut self.0);
        Decided { root: self.0, outcome }
    }
}

/// What came of a decision.
pub struct Decided<A: Aggregate, T, E> {
    root: Root<A>,
    outcome: Result<T, E>,
}

impl<A: Aggregate, T: Debug, E: Debug> Decided<A, T, E>
where
    A::Event: Debug + PartialEq,
{
    /// Expects that these events, and no others, were raised in this order, and no error.
    ///
    /// # Panics
    /// When it was otherwise; so does all that follows.
    #[track_caller]
    pub fn then(&self, events: &[A::Event]) -> &Self {
        assert!(self.outcome.is_ok(), "the decision was refused: {:?}", self.outcome);
        assert!(self.root.raised == events, "the decision raised {:#?}\nand not {events:#?}", self.root.raised);
        self
    }

    /// Expects that the decision was refused, and gives the error.
    ///
    /// # Panics
    /// When it was not.
    #[track_caller]
    pub fn then_error(&self) -> &E {
        let raised = &self.root.raised;
        assert!(self.outcome.is_err(), "the decision was not refused, and raised {raised:#?}");
        match &self.outcome {
            Err(error) => error,
            Ok(_) => unreachable!("it was looked at"),
        }
    }

    /// The state that came of it.
    pub fn state(&self) -> &A {
        self.root.state()
    }
}
