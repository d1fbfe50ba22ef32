package headwater

import "sync"

// cachedRoot is what is kept of a root. It is never changed, so many may have it: whoever makes a root of it copies the
// state.
type cachedRoot[S any] struct {
	state           S
	position        Position
	snapshotVersion uint64
}

// rootCache is a bounded map from keys. It is safe for use by many goroutines.
type rootCache[S any] struct {
	// half is how many each of the two maps has at the most.
	half int

	mutex sync.Mutex
	// What was used lately, and what was before that, of which the rest goes when the first is full.
	young, old map[string]*cachedRoot[S]
}

func newRootCache[S any](most int) *rootCache[S] {
	return &rootCache[S]{half: (most + 1) / 2, young: map[string]*cachedRoot[S]{}}
}

// get is what is kept; nil when nothing is.
func (c *rootCache[S]) get(key string) *cachedRoot[S] {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if found := c.young[key]; found != nil {
		return found
	}
	found := c.old[key]
	if found != nil {
		c.insert(key, found)
	}
	return found
}

// put keeps a state, if none is there that knows more.
func (c *rootCache[S]) put(key string, kept *cachedRoot[S]) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if there := c.young[key]; there == nil || there.position.Version <= kept.position.Version {
		c.insert(key, kept)
	}
}

// insert makes room by halves; the caller holds the mutex.
func (c *rootCache[S]) insert(key string, kept *cachedRoot[S]) {
	if c.young[key] == nil && len(c.young) >= c.half {
		c.old, c.young = c.young, map[string]*cachedRoot[S]{}
	}
	c.young[key] = kept
}

func (c *rootCache[S]) forget(key string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	delete(c.young, key)
	delete(c.old, key)
}
