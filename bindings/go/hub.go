package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
	"runtime"
	"time"
	"unsafe"
)

// HubOptions says how a hub is reached: any NATS server or cluster with JetStream. Every field but URLs that is left
// zero takes its default. Only one of Token, User, NkeySeed and CredentialsFile may be set.
type HubOptions struct {
	// URLs are servers, nats://host:port or tls://host:port; one is enough where the others are announced.
	URLs []string
	// Name is what the connection is called in the server's monitoring; "headwater" when empty.
	Name string
	// Token is a token.
	Token string
	// User and Password go together.
	User, Password string
	// NkeySeed is the seed of an nkey, SU...
	NkeySeed string
	// CredentialsFile has a user's JWT and seed, as nsc writes it.
	CredentialsFile string
	// CAFile has the certificates of the authorities that the server's is checked against, in PEM; those of the system
	// when empty.
	CAFile string
	// CertFile and KeyFile are our certificate and its key, in PEM.
	CertFile, KeyFile string
	// RequireTLS refuses a server that does not speak TLS.
	RequireTLS bool
	// TLSFirst begins with TLS, before the server says anything; the server has to be set so.
	TLSFirst bool
	// Domain is the JetStream domain; not together with APIPrefix.
	Domain string
	// APIPrefix is where JetStream's API is, instead of $JS.API.
	APIPrefix string
	// RequestTimeout is how long an answer may take, 10 ms to 10 minutes; 0 is 5 s. Later is [ErrTimeout].
	RequestTimeout time.Duration
	// ConnectTimeout is how long a connection may take to come about; 0 is 5 s.
	ConnectTimeout time.Duration
	// ReconnectDelayMin is the shortest wait between two attempts to reconnect; 0 is 50 ms.
	ReconnectDelayMin time.Duration
	// ReconnectDelayMax is the longest; the waits double up to it. 0 is 2 s.
	ReconnectDelayMax time.Duration
	// Window is how many appends may be on their way at once, up to 32,768; 0 is 4,096.
	Window uint32
	// Replicas is on how many servers a stream is kept that is made over this connection and says nothing of a hub, such
	// as those of buckets, event stores and entities: up to 5; 0 is 1. One that is there stays as it is.
	Replicas uint32
	// RetryOnInitialConnect: no server has to answer now. The engine is there at once, connecting, and tries until one
	// does.
	RetryOnInitialConnect bool
}

// Connect connects to a hub: an engine whose streams, buckets, objects and points are there. Close it when done with
// it.
//
// [ErrInvalid] says that the options cannot be, [ErrIO] that no server answers or that it does not let us in, and
// [ErrUnsupported] that it has no JetStream. When ctx ends first, that ends the wait and the connection is given up.
func Connect(ctx context.Context, options HubOptions) (*Engine, error) {
	return slow(ctx, make(chan struct{}, 1), func() (*Engine, error) { return connect(&options) })
}

func connect(options *HubOptions) (*Engine, error) {
	var l lender
	defer l.Unpin()
	o, err := l.hubOptions(options)
	if err != nil {
		return nil, err
	}
	return openEngine(context.Background(), func(engine **C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_connect(&o, -1, engine, err)
	})
}

func (l *lender) hubOptions(options *HubOptions) (C.hw_hub_options, error) {
	o := C.hw_hub_options{
		struct_size:              C.sizeof_hw_hub_options,
		name:                     l.str(options.Name),
		token:                    l.str(options.Token),
		user:                     l.str(options.User),
		password:                 l.str(options.Password),
		nkey_seed:                l.str(options.NkeySeed),
		credentials_file:         l.str(options.CredentialsFile),
		ca_file:                  l.str(options.CAFile),
		cert_file:                l.str(options.CertFile),
		key_file:                 l.str(options.KeyFile),
		domain:                   l.str(options.Domain),
		api_prefix:               l.str(options.APIPrefix),
		window:                   C.uint32_t(options.Window),
		replicas:                 C.uint32_t(options.Replicas),
		require_tls:              flag(options.RequireTLS),
		tls_first:                flag(options.TLSFirst),
		retry_on_initial_connect: flag(options.RetryOnInitialConnect),
	}
	o.urls, o.urls_len = l.strs(options.URLs)
	for _, wait := range []struct {
		what string
		from time.Duration
		to   *C.uint64_t
	}{
		{"request timeout", options.RequestTimeout, &o.request_timeout_ms},
		{"connect timeout", options.ConnectTimeout, &o.connect_timeout_ms},
		{"shortest reconnect delay", options.ReconnectDelayMin, &o.reconnect_delay_min_ms},
		{"longest reconnect delay", options.ReconnectDelayMax, &o.reconnect_delay_max_ms},
	} {
		if wait.from < 0 {
			return o, invalid("%s is %s, must not be negative", wait.what, wait.from)
		}
		// Rounded up, because less than a millisecond is not the default.
		*wait.to = C.uint64_t((wait.from + time.Millisecond - 1) / time.Millisecond)
	}
	return o, nil
}

// HubPhase is what a connection to a hub is doing.
type HubPhase int32

const (
	// HubConnecting: on its way for the first time.
	HubConnecting HubPhase = 0
	// HubConnected: there.
	HubConnected HubPhase = 1
	// HubReconnecting: lost, and on its way again.
	HubReconnecting HubPhase = 2
	// HubClosed: over.
	HubClosed HubPhase = 3
)

// String is the stable lower-case name.
func (p HubPhase) String() string {
	return nameOf(p, "connecting", "connected", "reconnecting", "closed")
}

// HubState is where the connection to a hub stands.
type HubState struct {
	// Phase is what it is doing.
	Phase HubPhase
	// ServerName and ServerVersion are those of the server that it was connected to last.
	ServerName, ServerVersion string
	// APILevel is the level of JetStream's API: 0 where the server says none, which is before 2.11.
	APILevel uint32
	// LastError is why it is not connected, or what the server complained of since it is; empty when nothing went wrong
	// since.
	LastError string
	// Reconnects is how often it came back after it was lost.
	Reconnects uint64
	// LagRecords is how many sequences of either side the links of this process to it have still to look at, as of
	// this answer; 0 when there are none. It changes with every record, so nobody who follows the state is woken for it.
	LagRecords uint64
}

// HubState is where the connection to the hub stands; [ErrUnsupported] when the engine is not on a hub.
func (e *Engine) HubState(ctx context.Context) (HubState, error) {
	var list *C.hw_hub_states
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_hub_state(p, &list, err)
	})
	if err != nil {
		return HubState{}, err
	}
	states, err := takeHubStates(list)
	if err != nil {
		return HubState{}, err
	}
	return states[0], nil
}

// WatchHubState gives where the connection to the hub stands: the state now, then whenever it changes, until ctx ends,
// the loop is left, or an error, which it gives last. What is over before it is taken is passed over.
func (e *Engine) WatchHubState(ctx context.Context) iter.Seq2[HubState, error] {
	return func(yield func(HubState, error) bool) {
		w, err := e.watchHub(ctx)
		if err != nil {
			yield(HubState{}, err)
			return
		}
		defer w.handle.close()
		w.all(ctx, 1)(yield)
	}
}

type hubWatcher struct {
	queue[HubState]
}

func (e *Engine) watchHub(ctx context.Context) (*hubWatcher, error) {
	var ptr *C.hw_hub_watcher
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_watch_hub(p, &ptr, err)
	})
	if err != nil {
		return nil, err
	}
	w := new(hubWatcher)
	w.init(e, "hub watcher", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
		C.hw_hub_watcher_free((*C.hw_hub_watcher)(p))
	})
	w.try = func(p unsafe.Pointer, max C.size_t) ([]HubState, error) {
		var list *C.hw_hub_states
		var failed *C.hw_error
		status := C.hw_hub_watcher_next((*C.hw_hub_watcher)(p), max, 0, &list, &failed)
		return takeNext(status, failed, func() ([]HubState, error) { return takeHubStates(list) })
	}
	w.arm = func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status {
		return C.hw_hub_watcher_wake((*C.hw_hub_watcher)(p), waker, token, err)
	}
	runtime.AddCleanup(w, (*handle).close, w.handle)
	return w, nil
}

// takeHubStates copies states and frees them.
func takeHubStates(list *C.hw_hub_states) ([]HubState, error) {
	defer C.hw_hub_states_free(list)
	var states []HubState
	for i := range C.hw_hub_states_len(list) {
		state := C.hw_hub_state{struct_size: C.sizeof_hw_hub_state}
		var failed *C.hw_error
		if status := C.hw_hub_states_get(list, i, &state, &failed); status != C.HW_STATUS_OK {
			return nil, failure(status, failed)
		}
		states = append(states, HubState{
			Phase:         HubPhase(state.phase),
			ServerName:    goString(state.server_name),
			ServerVersion: goString(state.server_version),
			APILevel:      uint32(state.api_level),
			LastError:     goString(state.last_error),
			Reconnects:    uint64(state.reconnects),
			LagRecords:    uint64(state.lag_records),
		})
	}
	return states, nil
}
