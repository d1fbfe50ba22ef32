package headwater_test

import (
	"reflect"
	"testing"

	"github.com/headwater/headwater/bindings/go"
)

// named says how somebody is called, which is about that somebody.
type named struct{ Of, Name string }

func (n named) DataSubject() string { return n.Of }

type personState struct{ Names, Erased []string }

func person() headwater.AggregateType[personState, named] {
	events := headwater.NewJSONEvents[named]()
	headwater.RegisterEvent[named](events, "Named", 1)
	return headwater.AggregateType[personState, named]{
		Name:           "person",
		Codec:          events,
		Apply:          func(state *personState, event named) { state.Names = append(state.Names, event.Name) },
		ApplyErased:    func(state *personState, eventType string) { state.Erased = append(state.Erased, eventType) },
		SnapshotSchema: 1,
		Clone:          func(state personState) personState { return state },
	}
}

func TestARepositoryFoldsWhatCanBeReadOfWhoIsForgotten(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	often := headwater.RepositoryOptions{SnapshotEvery: 2}
	people := must(headwater.NewRepository(store, person(), often))(t)
	never := headwater.RepositoryOptions{SnapshotEvery: -1, Cache: -1}
	plain := must(headwater.NewRepository(store, person(), never))(t)
	name := func(of, name string) {
		t.Helper()
		must(people.Transact(ctx, "p", headwater.SaveOptions{}, func(root *headwater.Root[personState, named]) error {
			root.Raise(named{of, name})
			return nil
		}))(t)
	}
	expect := func(want personState) {
		t.Helper()
		for _, repository := range []*headwater.Repository[personState, named]{people, plain} {
			if root := must(repository.Load(ctx, "p"))(t); !reflect.DeepEqual(root.State, want) {
				t.Fatalf("the state is %+v, expected %+v", root.State, want)
			}
		}
	}
	name("", "0")
	name("ada", "1")
	name("bob", "2")
	name("", "3")
	snapshot := must(store.Snapshot(ctx, "person", "p"))(t)
	if snapshot == nil || !reflect.DeepEqual(snapshot.DataSubjects, []string{"ada", "bob"}) {
		t.Fatalf("the snapshot is %+v", snapshot)
	}
	expect(personState{Names: []string{"0", "1", "2", "3"}})
	if !must(store.Forget(ctx, "ada"))(t) || must(store.Forget(ctx, "ada"))(t) {
		t.Fatal("there is one key of ada, once")
	}
	if snapshot := must(store.Snapshot(ctx, "person", "p"))(t); snapshot != nil {
		t.Fatalf("the snapshot is %+v", snapshot)
	}
	expect(personState{Names: []string{"0", "2", "3"}, Erased: []string{"Named"}})
	name("ada", "4")
	expect(personState{Names: []string{"0", "2", "3", "4"}, Erased: []string{"Named"}})
	_, err := store.Forget(ctx, "")
	wantCode(t, err, headwater.ErrInvalid)
}
