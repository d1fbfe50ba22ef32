package headwater

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// ConflictTries is how often [Repository.Transact] decides, at the most, when others save meanwhile.
const ConflictTries = 16

// RepositoryOptions says how a repository works; the zero value takes the defaults.
type RepositoryOptions struct {
	// SnapshotEvery keeps a snapshot every so many events; 0 is 100, negative is never.
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

	mutex sync.Mutex
	// What was used lately, and what was before that, of which the rest goes when the first is full.
	young, old map[string]cachedRoot[S]
	// Reads of what is not in the cache: loads at once share one.
	readings map[string]*reading[S]
}

// reading is a read that is on its way, and what others may have of it when it is done: nil when it failed, or came to
// data that can be forgotten.
type reading[S any] struct {
	done chan struct{}
	kept *cachedRoot[S]
}

type cachedRoot[S any] struct {
	state           S
	position        Position
	snapshotVersion uint64
}

// NewRepository keeps the aggregates of a kind in a store.
func NewRepository[S, E any](
	store *EventStore, kind AggregateType[S, E], options RepositoryOptions,
) (*Repository[S, E], error) {
	if store == nil || kind.Name == "" || kind.Codec == nil || kind.Apply == nil {
		return nil, invalid("a repository needs a store, and a kind with Name, Codec and Apply")
	}
	if options.SnapshotEvery == 0 {
		options.SnapshotEvery = 100
	}
	if options.Cache == 0 {
		options.Cache = 1000
	}
	return &Repository[S, E]{
		store: store, kind: &kind, options: options,
		young: map[string]cachedRoot[S]{}, readings: map[string]*reading[S]{},
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

// GetOrCreate loads an aggregate, or starts it.
func (r *Repository[S, E]) GetOrCreate(ctx context.Context, key string) (*Root[S, E], error) {
	if cached, ok := r.cached(key); ok {
		return r.look(ctx, key, cached)
	}
	if r.options.Cache <= 0 || r.kind.Clone == nil {
		return r.read(ctx, key)
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
		kept := *other.kept
		kept.state = r.kind.Clone(kept.state)
		// What was under way may not have what this caller knows to be saved.
		return r.look(ctx, key, kept)
	}
	defer func() {
		r.mutex.Lock()
		delete(r.readings, key)
		r.mutex.Unlock()
		close(mine.done)
	}()
	root, err := r.read(ctx, key)
	if err == nil && len(root.dataSubjects) == 0 {
		mine.kept = &cachedRoot[S]{r.kind.Clone(root.State), root.Position, root.snapshotVersion}
	}
	return root, err
}

// look asks whether the log has more than a state of memory, and takes that in.
func (r *Repository[S, E]) look(ctx context.Context, key string, cached cachedRoot[S]) (*Root[S, E], error) {
	lastSeq, err := r.store.LastSeq(ctx, r.kind.Name, key)
	if err != nil {
		return nil, err
	}
	root := r.Start(key)
	root.State, root.Position, root.snapshotVersion = cached.state, cached.position, cached.snapshotVersion
	if lastSeq == cached.position.Seq {
		return root, nil
	}
	loaded, err := r.store.Load(ctx, r.kind.Name, key, LoadOptions{Behind: cached.position})
	if !errors.Is(err, ErrNotFound) {
		return r.folded(root, loaded, err)
	}
	// The log is not the one that it was.
	r.forget(key)
	return r.read(ctx, key)
}

// read reads an aggregate from its snapshot or its first event on.
func (r *Repository[S, E]) read(ctx context.Context, key string) (*Root[S, E], error) {
	root, options := r.Start(key), LoadOptions{}
	if r.options.SnapshotEvery > 0 {
		options.SnapshotSchema = r.kind.SnapshotSchema
	}
	loaded, err := r.store.Load(ctx, r.kind.Name, key, options)
	if err == nil && loaded.Snapshot != nil {
		if json.Unmarshal(loaded.Snapshot.Data, &root.State) == nil {
			root.snapshotVersion = loaded.Snapshot.Position.Version
			for _, name := range loaded.Snapshot.DataSubjects {
				root.hasDataOf(name)
			}
		} else {
			root = r.Start(key)
			loaded, err = r.store.Load(ctx, r.kind.Name, key, LoadOptions{})
		}
	}
	return r.folded(root, loaded, err)
}

// folded takes in what was loaded, and keeps the state.
func (r *Repository[S, E]) folded(root *Root[S, E], loaded Loaded, err error) (*Root[S, E], error) {
	if err != nil {
		return nil, err
	}
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
			return nil, fmt.Errorf("%s, %q of schema %d: %w", place, event.EventType, event.Schema, err)
		}
	}
	root.Position = loaded.Position
	r.keep(root)
	return root, nil
}

// Save saves the events that were raised, at the position of the load, and keeps a snapshot when one is due. After an
// error, drop the root and load it again. What options expects is not looked at.
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
		r.forget(root.Key)
		there, err := r.GetOrCreate(ctx, root.Key)
		if err == nil {
			*root = *there
		}
		return true, err
	}
	root.Position = saved.Position
	err = r.snapshotIfDue(ctx, root)
	r.keep(root)
	return false, err
}

// snapshotIfDue keeps a snapshot. That it could not be kept is no error, as the events are saved: the next save tries
// again.
func (r *Repository[S, E]) snapshotIfDue(ctx context.Context, root *Root[S, E]) error {
	every := uint64(max(r.options.SnapshotEvery, 0))
	if every == 0 || r.kind.SnapshotSchema == 0 || root.Position.Version < root.snapshotVersion+every {
		return nil
	}
	data, err := json.Marshal(root.State)
	if err != nil {
		return fmt.Errorf("the events are saved, but the state of %s %q has no JSON: %w", r.kind.Name, root.Key, err)
	}
	snapshot := NewSnapshot{
		Position: root.Position, Schema: r.kind.SnapshotSchema, Data: data, TTL: r.options.SnapshotTTL,
		DataSubjects: slices.Sorted(maps.Keys(root.dataSubjects)),
	}
	if _, err := r.store.SaveSnapshot(ctx, r.kind.Name, root.Key, snapshot); err == nil {
		root.snapshotVersion = root.Position.Version
	}
	return nil
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

func (r *Repository[S, E]) cached(key string) (cachedRoot[S], bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	found, ok := r.young[key]
	if !ok {
		if found, ok = r.old[key]; !ok {
			return found, false
		}
		r.put(key, found)
	}
	found.state = r.kind.Clone(found.state)
	return found, true
}

func (r *Repository[S, E]) keep(root *Root[S, E]) {
	// Data that can be forgotten does not stay in memory.
	if r.options.Cache <= 0 || r.kind.Clone == nil || !root.Exists() || len(root.dataSubjects) > 0 {
		return
	}
	kept := cachedRoot[S]{r.kind.Clone(root.State), root.Position, root.snapshotVersion}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if there, ok := r.young[root.Key]; !ok || there.position.Version <= kept.position.Version {
		r.put(root.Key, kept)
	}
}

// put makes room by halves; the caller holds the mutex.
func (r *Repository[S, E]) put(key string, kept cachedRoot[S]) {
	if _, ok := r.young[key]; !ok && len(r.young) >= (r.options.Cache+1)/2 {
		r.old, r.young = r.young, map[string]cachedRoot[S]{}
	}
	r.young[key] = kept
}

func (r *Repository[S, E]) forget(key string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.young, key)
	delete(r.old, key)
}
