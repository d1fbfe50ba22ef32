package headwater

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// ConflictTries is how often [Repository.Transact] decides, at the most, when others save meanwhile.
const ConflictTries = 16

// RepositoryOptions says how a repository works; the zero value takes the defaults.
type RepositoryOptions struct {
	// SnapshotEvery keeps a snapshot every so many events, or when the kind's IsSnapshotDue says so; 0 is 100, negative
	// is never.
	SnapshotEvery int
	// SnapshotTTL is how long one stays, in whole seconds; 0 is for good.
	SnapshotTTL time.Duration
	// Cache is the most states that are kept in memory; 0 is 1,000, negative is none. A state of memory is never
	// trusted: the log is asked whether there is more.
	Cache int
}

// Repository loads and saves the aggregates of one kind. It is safe for use by many goroutines.
type Repository[S, E any] struct {
	store   *EventStore
	kind    *AggregateType[S, E]
	options RepositoryOptions
	cache   *rootCache[S]

	mutex sync.Mutex
	// Reads of what is not in the cache: loads at once share one.
	readings map[string]*reading[S]
}

// reading is a read that is on its way, and what others may have of it when it is done: nil when it failed, or came to
// data that can be forgotten.
type reading[S any] struct {
	done chan struct{}
	kept *cachedRoot[S]
}

// NewRepository keeps the aggregates of a kind in a store.
func NewRepository[S, E any](
	store *EventStore, kind AggregateType[S, E], options RepositoryOptions,
) (*Repository[S, E], error) {
	if store == nil || kind.Name == "" || kind.Codec == nil || kind.Apply == nil {
		return nil, invalid("a repository needs a store, and a kind with Name, Codec and Apply")
	}
	if (kind.Dump == nil) != (kind.Load == nil) {
		return nil, invalid("a kind has both Dump and Load, or neither")
	}
	if options.SnapshotEvery == 0 {
		options.SnapshotEvery = 100
	}
	if options.Cache == 0 {
		options.Cache = 1000
	}
	return &Repository[S, E]{
		store: store, kind: &kind, options: options,
		cache: newRootCache[S](options.Cache), readings: map[string]*reading[S]{},
	}, nil
}

// Start is an aggregate that has no event yet; a save of it is refused when it has.
func (r *Repository[S, E]) Start(key string) *Root[S, E] { return NewRoot(r.kind, key) }

// Load loads an aggregate; [ErrNotFound] when it has no event.
func (r *Repository[S, E]) Load(ctx context.Context, key string) (*Root[S, E], error) {
	root, err := r.GetOrCreate(ctx, key)
	if err == nil && !root.Exists() {
		return nil, &Error{Code: ErrNotFound, Message: fmt.Sprintf("%s %q has no event", r.kind.Name, key)}
	}
	return root, err
}

// LoadAsOf loads an aggregate as it was at a version, a sequence of the store or a time, which asOf has; [ErrNotFound]
// when it had no event by then, or has not reached the version. Nothing of it is taken from memory, or kept there. A
// save of it is refused when there is more behind it. What else asOf has is not looked at.
func (r *Repository[S, E]) LoadAsOf(ctx context.Context, key string, asOf LoadOptions) (*Root[S, E], error) {
	root, err := r.readAsOf(ctx, key, asOf)
	if err == nil && !root.Exists() {
		return nil, &Error{Code: ErrNotFound, Message: fmt.Sprintf("%s %q had no event by then", r.kind.Name, key)}
	}
	return root, err
}

// GetOrCreate loads an aggregate, or starts it.
func (r *Repository[S, E]) GetOrCreate(ctx context.Context, key string) (*Root[S, E], error) {
	if !r.keepsRoots() {
		return r.read(ctx, key)
	}
	if cached := r.cache.get(key); cached != nil {
		return r.look(ctx, key, cached)
	}
	return r.share(ctx, key)
}

// share reads an aggregate together with all who want it now.
func (r *Repository[S, E]) share(ctx context.Context, key string) (*Root[S, E], error) {
	mine := &reading[S]{done: make(chan struct{})}
	r.mutex.Lock()
	other, taken := r.readings[key]
	if !taken {
		r.readings[key] = mine
	}
	r.mutex.Unlock()
	if taken {
		select {
		case <-other.done:
		case <-ctx.Done():
			return nil, contextError(ctx)
		}
		if other.kept == nil {
			return r.read(ctx, key)
		}
		// What was under way may not have what this caller knows to be saved.
		return r.look(ctx, key, other.kept)
	}
	defer func() {
		r.mutex.Lock()
		delete(r.readings, key)
		r.mutex.Unlock()
		close(mine.done)
	}()
	root, err := r.readAsOf(ctx, key, LoadOptions{})
	if err == nil {
		mine.kept = r.keep(root)
	}
	return root, err
}

// look asks whether the log has more than a state of memory, and takes that in.
func (r *Repository[S, E]) look(ctx context.Context, key string, cached *cachedRoot[S]) (*Root[S, E], error) {
	lastSeq, err := r.store.LastSeq(ctx, r.kind.Name, key)
	if err != nil {
		return nil, err
	}
	root := &Root[S, E]{
		State: r.kind.Clone(cached.state), Key: key, Position: cached.position,
		kind: r.kind, snapshotVersion: cached.snapshotVersion,
	}
	if lastSeq == cached.position.Seq {
		return root, nil
	}
	loaded, err := r.store.Load(ctx, r.kind.Name, key, LoadOptions{Behind: cached.position})
	if errors.Is(err, ErrNotFound) {
		// The log is not the one that it was.
		r.cache.forget(key)
		return r.read(ctx, key)
	}
	if err == nil {
		err = r.fold(root, loaded)
	}
	if err != nil {
		return nil, err
	}
	r.keep(root)
	return root, nil
}

// read reads an aggregate from its snapshot or its first event on, and keeps the state.
func (r *Repository[S, E]) read(ctx context.Context, key string) (*Root[S, E], error) {
	root, err := r.readAsOf(ctx, key, LoadOptions{})
	if err == nil {
		r.keep(root)
	}
	return root, err
}

// readAsOf is the same up to a place, and keeps nothing.
func (r *Repository[S, E]) readAsOf(ctx context.Context, key string, options LoadOptions) (*Root[S, E], error) {
	options.Behind, options.SnapshotSchema = Position{}, 0
	if r.options.SnapshotEvery > 0 {
		options.SnapshotSchema = r.kind.SnapshotSchema
	}
	loaded, err := r.store.Load(ctx, r.kind.Name, key, options)
	root := r.Start(key)
	if err == nil && loaded.Snapshot != nil {
		if state, refused := r.kind.load(loaded.Snapshot.Data); refused == nil {
			root.State, root.snapshotVersion = state, loaded.Snapshot.Position.Version
			for _, name := range loaded.Snapshot.DataSubjects {
				root.hasDataOf(name)
			}
		} else {
			// A snapshot is a copy: one that can't be read is as good as none.
			options.SnapshotSchema = 0
			loaded, err = r.store.Load(ctx, r.kind.Name, key, options)
		}
	}
	if err == nil {
		err = r.fold(root, loaded)
	}
	if err != nil {
		return nil, err
	}
	return root, nil
}

// fold takes in what was loaded.
func (r *Repository[S, E]) fold(root *Root[S, E], loaded Loaded) error {
	for i := range loaded.Events {
		event := &loaded.Events[i]
		if event.IsErased {
			if r.kind.ApplyErased != nil {
				r.kind.ApplyErased(&root.State, event.EventType)
			}
			continue
		}
		root.hasDataOf(event.DataSubject)
		newest, err := r.kind.Upcasters.Upcast(Upcasted{event.EventType, event.Schema, event.Data})
		if err == nil {
			var decoded E
			if decoded, err = r.kind.Codec.Decode(newest.EventType, newest.Schema, newest.Data); err == nil {
				r.kind.Apply(&root.State, decoded)
			}
		}
		if err != nil {
			place := fmt.Sprintf("event %d of %s %q", event.Version, r.kind.Name, root.Key)
			return fmt.Errorf("%s, %q of schema %d: %w", place, event.EventType, event.Schema, err)
		}
	}
	root.Position = loaded.Position
	return nil
}

// Save saves the events that were raised, at the position of the load, and keeps a snapshot when one is due. After an
// error, drop the root and load it again. That a snapshot could not be kept is logged, and no error: the events are
// saved. What options expects is not looked at.
func (r *Repository[S, E]) Save(ctx context.Context, root *Root[S, E], options SaveOptions) error {
	_, err := r.save(ctx, root, options)
	return err
}

// save is Save, with whether it was a repeat.
func (r *Repository[S, E]) save(ctx context.Context, root *Root[S, E], options SaveOptions) (bool, error) {
	if len(root.raised) == 0 {
		return false, nil
	}
	events := make([]NewEvent, len(root.raised))
	for i, event := range root.raised {
		eventType, schema, data, err := r.kind.Codec.Encode(event)
		if err != nil {
			return false, err
		}
		events[i] = NewEvent{EventType: eventType, Schema: schema, Data: data, DataSubject: dataSubject(event)}
	}
	options.Expected = ExpectAt(root.Position)
	saved, err := r.store.Save(ctx, r.kind.Name, root.Key, events, options)
	if err != nil {
		return false, err
	}
	root.raised = nil
	if saved.IsRepeat {
		// What was decided now is not what was saved then: the log says what is.
		r.cache.forget(root.Key)
		there, err := r.GetOrCreate(ctx, root.Key)
		if err == nil {
			*root = *there
		}
		return true, err
	}
	root.Position = saved.Position
	r.snapshotIfDue(ctx, root)
	r.keep(root)
	return false, nil
}

// snapshotIfDue keeps a snapshot. Where that could not be done, the next save tries again.
func (r *Repository[S, E]) snapshotIfDue(ctx context.Context, root *Root[S, E]) {
	if r.options.SnapshotEvery < 0 || r.kind.SnapshotSchema == 0 {
		return
	}
	behind := root.Position.Version - root.snapshotVersion
	if !r.kind.isSnapshotDue(root.State, behind, uint64(r.options.SnapshotEvery)) {
		return
	}
	data, err := r.kind.dump(root.State)
	if err == nil {
		_, err = r.store.SaveSnapshot(ctx, r.kind.Name, root.Key, NewSnapshot{
			Position: root.Position, Schema: r.kind.SnapshotSchema, Data: data, TTL: r.options.SnapshotTTL,
			DataSubjects: slices.Sorted(maps.Keys(root.dataSubjects)),
		})
	}
	if err != nil {
		slog.Warn("an aggregate got no snapshot", "aggregate", r.kind.Name, "key", root.Key, "error", err)
		return
	}
	root.snapshotVersion = root.Position.Version
}

// Transacted is what a transaction came to.
type Transacted[S, E any] struct {
	// Root is the aggregate as it is now.
	Root *Root[S, E]
	// IsRepeat: the events of the command were there already, and nothing was saved now.
	IsRepeat bool
}

// Transact loads an aggregate, lets decide raise events on it, and saves them; again from the load, up to
// [ConflictTries] times in all, when somebody else saved meanwhile. All tries are one command. With a Condition in the
// options there is one try.
//
// With a Command in the options, the aggregate's last 1,000 events are searched for those of the command before
// anything is decided: if they are there, it is a repeat, and decide is not called.
func (r *Repository[S, E]) Transact(
	ctx context.Context, key string, options SaveOptions, decide func(*Root[S, E]) error,
) (Transacted[S, E], error) {
	isNamed := options.Command != ""
	if !isNamed {
		options.Command = rand.Text()
	}
	for try := 1; ; try++ {
		root, err := r.GetOrCreate(ctx, key)
		if err != nil {
			return Transacted[S, E]{}, err
		}
		if isNamed && root.Exists() {
			there, err := r.repeat(ctx, root, options.Command)
			if there != nil || err != nil {
				return Transacted[S, E]{Root: there, IsRepeat: there != nil}, err
			}
		}
		if err := decide(root); err != nil {
			return Transacted[S, E]{}, err
		}
		isRepeat, err := r.save(ctx, root, options)
		if err == nil {
			return Transacted[S, E]{root, isRepeat}, nil
		}
		if !errors.Is(err, ErrConflict) || try == ConflictTries || options.Condition != nil {
			return Transacted[S, E]{}, err
		}
	}
}

// repeat is the aggregate as it is now, if the command was carried out already, else nil.
func (r *Repository[S, E]) repeat(ctx context.Context, root *Root[S, E], command string) (*Root[S, E], error) {
	saved, known, err := r.store.FindCommand(ctx, r.kind.Name, root.Key, command)
	if err != nil || !known {
		return nil, err
	}
	if saved.Position.Version > root.Position.Version {
		return r.GetOrCreate(ctx, root.Key)
	}
	return root, nil
}

// keepsRoots says whether there is a cache.
func (r *Repository[S, E]) keepsRoots() bool { return r.options.Cache > 0 && r.kind.Clone != nil }

// keep copies a state for others, and keeps the copy in memory where there is an event; nil where nobody is to have it.
func (r *Repository[S, E]) keep(root *Root[S, E]) *cachedRoot[S] {
	// Data that can be forgotten does not stay in memory.
	if !r.keepsRoots() || len(root.dataSubjects) > 0 {
		return nil
	}
	kept := &cachedRoot[S]{r.kind.Clone(root.State), root.Position, root.snapshotVersion}
	if root.Exists() {
		r.cache.put(root.Key, kept)
	}
	return kept
}
