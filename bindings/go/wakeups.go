package headwater

import "sync"

// wakeups hands out tokens and turns the tokens that the library reports into wake-ups of channels. A token that
// nobody waits for any more is passed over.
type wakeups struct {
	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan struct{}
}

// register returns a new token and the channel that receives once or more after the token was reported.
func (w *wakeups) register() (uint64, chan struct{}) {
	woken := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == nil {
		w.waiting = make(map[uint64]chan struct{})
	}
	w.last++
	w.waiting[w.last] = woken
	return w.last, woken
}

func (w *wakeups) forget(token uint64) {
	w.mu.Lock()
	delete(w.waiting, token)
	w.mu.Unlock()
}

// wake never blocks: one unread wake-up is as good as many.
func (w *wakeups) wake(tokens []uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, token := range tokens {
		select {
		case w.waiting[token] <- struct{}{}:
		default:
		}
	}
}
