package static

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
)

// slowDisk is a server whose record can't be written for the first few times
// that it is asked to, and then can.
type slowDisk struct {
	mu       sync.Mutex
	fails    int
	replaces int      // how often it says, instead of an answer, that another page has the place
	old      bool     // it does not say what it knows
	asked    []string // ids of the commands, as they came
	ages     []int64  // how old each said it was, in ms
}

func (s *slowDisk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{Subprotocols: []string{"belay.1"}, CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	for {
		var m struct {
			Type string `json:"type"`
			Body struct {
				ID  string `json:"id"`
				Act string `json:"act"`
				Age int64  `json:"age"`
			} `json:"body"`
		}
		if ws.ReadJSON(&m) != nil {
			return
		}
		switch m.Type {
		case "hello":
			knows := `,"knows":["command.age"]`
			if s.old {
				knows = ""
			}
			err = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"welcome","body":{"now":"2026-03-02T14:00:00Z","rate":1`+knows+`}}`))
		case "command":
			answer, replaced := s.answer(m.Body.ID, m.Body.Act, m.Body.Age)
			if replaced {
				_ = ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(protocolReplaced, "replaced"))
				return
			}
			err = ws.WriteMessage(websocket.TextMessage, answer)
		}
		if err != nil {
			return
		}
	}
}

const protocolReplaced = 4001 // see signaling/protocol, which this package does not import

func (s *slowDisk) answer(id, act string, age int64) (frame []byte, replaced bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.ages = append(s.asked, id), append(s.ages, age)
	if s.replaces > 0 {
		s.replaces--
		return nil, true
	}
	result := map[string]any{"id": id, "ok": true, "seq": 7}
	switch {
	case act == "Refused":
		result = map[string]any{"id": id, "ok": false, "refused": map[string]any{"code": "not_now", "words": "Not now."}}
	case s.fails > 0:
		s.fails--
		result = map[string]any{"id": id, "ok": false, "refused": map[string]any{"code": "not_recorded", "words": "Not in the record."}}
	}
	frame, err := json.Marshal(map[string]any{"type": "result", "body": result})
	if err != nil {
		panic(err)
	}
	return frame, false
}

// A disk that hangs for some seconds is answered "not recorded": the page has to
// go on by itself, and what the rules refuse is told at once.
func TestWhatCouldNotBeRecordedIsSentAgainWithoutAnybodyPressing(t *testing.T) {
	disk := &slowDisk{fails: 2}
	server := httptest.NewServer(disk)
	defer server.Close()
	got := evaluate[[]string](t, "connection.js", fmt.Sprintf(`
		globalThis.location = new URL(%q);
		globalThis.addEventListener = globalThis.removeEventListener = () => {};
		globalThis.document = { addEventListener() {}, removeEventListener() {}, visibilityState: "visible" };
		const connection = m.openConnection({ path: "ws" });
		const refused = await connection.command("Refused");
		const saved = await connection.command("IntroduceSelf", { client: "client-1", name: "Alex" });
		connection.close();
		return [refused.refused?.code ?? "done", saved.ok ? "saved" : saved.refused?.code];`, server.URL))
	same(t, got, []string{"not_now", "saved"})
	disk.mu.Lock()
	defer disk.mu.Unlock()
	if len(disk.asked) != 4 || strings.Count(strings.Join(disk.asked, " "), disk.asked[1]) != 3 {
		t.Errorf("the server was asked %v: one refused, and one three times under the same id", disk.asked)
	}
	if disk.ages[1] != 0 || disk.ages[2] < 1000 || disk.ages[3] < disk.ages[2]+1000 {
		t.Errorf("a tap that waited was said to be %v ms old", disk.ages[1:])
	}
}

// In a rolling update a page may come from a newer server than that which it talks to.
// What that one does not know would end its connection, again and again.
func TestAPageThatIsNewerThanItsServerLeavesOutWhatThatDoesNotKnow(t *testing.T) {
	disk := &slowDisk{fails: 1, old: true}
	server := httptest.NewServer(disk)
	defer server.Close()
	got := evaluate[bool](t, "connection.js", fmt.Sprintf(`
		globalThis.location = new URL(%q);
		globalThis.addEventListener = globalThis.removeEventListener = () => {};
		globalThis.document = { addEventListener() {}, removeEventListener() {}, visibilityState: "visible" };
		const connection = m.openConnection({ path: "ws" });
		const looked = await connection.command("CheckIn");
		connection.close();
		return looked.ok;`, server.URL))
	disk.mu.Lock()
	defer disk.mu.Unlock()
	if !got || len(disk.ages) != 2 || disk.ages[1] != 0 {
		t.Errorf("the act came through: %v; its ages were %v, of which this server knows nothing", got, disk.ages)
	}
}

// Where the device slept in between, its steady clock stood still: the page does not
// guess how long.
func TestAPageThatSleptSaysThatItCannotTellWhen(t *testing.T) {
	disk := &slowDisk{fails: 1}
	server := httptest.NewServer(disk)
	defer server.Close()
	evaluate[string](t, "connection.js", fmt.Sprintf(`
		globalThis.location = new URL(%q);
		globalThis.addEventListener = globalThis.removeEventListener = () => {};
		globalThis.document = { addEventListener() {}, removeEventListener() {}, visibilityState: "visible" };
		const connection = m.openConnection({ path: "ws" });
		await new Promise((open) => connection.on("welcome", open));
		const looked = connection.command("CheckIn");
		const awake = Date.now;
		Date.now = () => awake() + 20 * 60_000; // the wall clock went on
		await looked;
		connection.close();
		return "";`, server.URL))
	disk.mu.Lock()
	defer disk.mu.Unlock()
	if len(disk.ages) != 2 || disk.ages[0] != 0 || disk.ages[1] != -1 {
		t.Errorf("the page said that its tap was %v ms old", disk.ages)
	}
}

// A device that has come to another network does not wait for the socket of the one
// before: that says nothing, neither yes nor no.
func TestAPageThatIsOnlineAgainDialsAtOnce(t *testing.T) {
	server := httptest.NewServer(&slowDisk{})
	defer server.Close()
	took := evaluate[float64](t, "connection.js", fmt.Sprintf(`
		globalThis.location = new URL(%q);
		const heard = {};
		globalThis.addEventListener = (what, f) => (heard[what] = f);
		globalThis.removeEventListener = () => {};
		globalThis.document = { addEventListener() {}, removeEventListener() {}, visibilityState: "visible" };
		const connection = m.openConnection({ path: "ws" });
		const welcomed = () => new Promise((open) => connection.on("welcome", open));
		await welcomed();
		const began = performance.now();
		heard.online();
		await welcomed();
		connection.close();
		return performance.now() - began;`, server.URL))
	if took > 2000 {
		t.Errorf("it was back after %v ms", took)
	}
}
