package headwater

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// Entity is a handler: what is alive of an entity while it is wanted. It is told one thing at a time.
//
// An error that it answers is a refusal, which goes to whoever asked, and the handler lives on: one that [errors.Is] an
// error of this package keeps its code, any other is [ErrInternal] with its text. A handler that panics is broken:
// whoever asked gets [ErrInternal], and the handler is begun anew.
//
// The context of each call ends when the turn is over, when its lease is (the handler took too long, and what it does
// is void), and when whoever serves ends. A handler that never returns holds one of the places of [Entities.Serve].
type Entity interface {
	// Handle handles a message; the answer goes to whoever asked.
	Handle(ctx context.Context, message Message) ([]byte, error)
}

// EntityTimer is an [Entity] that sets timers.
type EntityTimer interface {
	// Timer is told of a time that has come, which was set with [EntityContext.SetTimer].
	Timer(ctx context.Context, name string) error
}

// EntityStopper is an [Entity] that wants to know of its end. One that breaks is not told.
type EntityStopper interface {
	// Stop is told that the handler is not wanted any more.
	Stop(ctx context.Context)
}

// EntityTypes are the kinds of entities that a program handles, each with what makes a handler, say of its events. What
// that answers as an error goes to whoever asked.
type EntityTypes map[string]func(ctx context.Context, entity *EntityContext) (Entity, error)

// Message is a message to an entity. It owns its bytes.
type Message struct {
	// Name is what is asked or told.
	Name string
	// Payload is in the encoding of whoever sent it; nil when it is empty.
	Payload []byte
	// WantsReply is whether somebody waits for the answer.
	WantsReply bool
	// Attempt is how often it was handed out, from 1 on.
	Attempt uint32
}

// EntityContext is what a handler knows of itself, as long as it lives: [EntityTypes] are given one, to be kept in the
// handler. Its methods want the context of the call that the handler is in, which says whose turn it is.
type EntityContext struct {
	entities *Entities
	id       EntityID
	// life ends when the handler stops or breaks, or whoever serves ends.
	life context.Context
}

// ID says which entity it is.
func (c *EntityContext) ID() EntityID { return c.id }

// Kind is its kind.
func (c *EntityContext) Kind() string { return c.id.Kind }

// Key is which one it is of its kind.
func (c *EntityContext) Key() string { return c.id.Key }

// Entities are all entities.
func (c *EntityContext) Entities() *Entities { return c.entities }

// Request asks another entity, as [Entities.Request]. One that would come back to this one is [ErrInvalid], with the
// cycle, as it would wait for itself.
func (c *EntityContext) Request(ctx context.Context, to EntityID, name string, payload []byte) ([]byte, error) {
	return c.entities.Request(ctx, to, name, payload)
}

// Notify tells an entity something, which may be this one, as [Entities.Notify].
func (c *EntityContext) Notify(ctx context.Context, to EntityID, name string, payload []byte) error {
	return c.entities.Notify(ctx, to, name, payload)
}

// SetTimer sets a timer, in the place of one of the same name: [EntityTimer] is told after that time, and then every so
// often, or once when that is 0. It ends with its handler. It is [ErrMisuse] when ctx is of no turn of this entity that
// is out.
func (c *EntityContext) SetTimer(ctx context.Context, name string, after, every time.Duration) error {
	turn, err := c.turn(ctx)
	if err != nil {
		return err
	}
	return turn.setTimer(ctx, name, after, every)
}

// CancelTimer takes a timer back; false when there is none of this name.
func (c *EntityContext) CancelTimer(ctx context.Context, name string) (bool, error) {
	turn, err := c.turn(ctx)
	if err != nil {
		return false, err
	}
	return turn.cancelTimer(ctx, name)
}

// Holds says how many bytes the handler holds, from now on until it says otherwise or ends: what the Memory of
// [EntitiesConfig] limits. It is [ErrMisuse] when ctx is of no turn of this entity that is out.
func (c *EntityContext) Holds(ctx context.Context, bytes uint64) error {
	turn, err := c.turn(ctx)
	if err != nil {
		return err
	}
	return turn.holds(ctx, bytes)
}

// Spawn does something in the background, in a goroutine of its own, while the handler takes messages: what it comes to
// arrives as a message of this name, which nobody waits for. It keeps the handler alive. Its context has the values of
// the one that [Entities.Serve] was given, and ends when the handler stops or breaks; no message comes then. One that
// panics is logged, and no message comes. It is [ErrLimit] when as many are under way as may be.
func (c *EntityContext) Spawn(ctx context.Context, name string, work func(ctx context.Context) []byte) error {
	turn, err := c.turn(ctx)
	if err != nil {
		return err
	}
	task, err := turn.beginTask(ctx)
	if err != nil {
		return err
	}
	go c.work(task, name, work)
	return nil
}

func (c *EntityContext) work(task uint64, name string, work func(ctx context.Context) []byte) {
	var payload []byte
	isDone := false
	defer func() {
		if thrown := recover(); thrown != nil {
			slog.Error("a background task of an entity panicked", "entity", c.id.String(), "task", name,
				"panic", fmt.Sprint(thrown), "stack", string(debug.Stack()))
		}
		// One whose handler ended has nobody to come to, and is over in the library too, unless whoever served ended.
		hasMessage := isDone && c.life.Err() == nil
		_ = c.entities.endTask(task, hasMessage, name, payload)
	}()
	payload = work(c.life)
	isDone = true
}

// turn is the turn of this entity that ctx is of.
func (c *EntityContext) turn(ctx context.Context) (*itemContext, error) {
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	item := itemOf(ctx)
	if item == nil || item.turn.context != c {
		return nil, &Error{Code: ErrMisuse, Message: "ctx is not of a call of the handler of " + c.id.String()}
	}
	return item, nil
}

// itemContext is the context of one call of a handler, for an item of a turn.
type itemContext struct {
	context.Context
	turn *entityTurn
	item uint32
}

// itemKey is what an itemContext is found by in contexts that were made of it.
type itemKey struct{}

// Value gives itself too.
func (c *itemContext) Value(key any) any {
	if key == (itemKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// itemOf is the item that ctx is of; nil when it is of none.
func itemOf(ctx context.Context) *itemContext {
	item, _ := ctx.Value(itemKey{}).(*itemContext)
	return item
}
