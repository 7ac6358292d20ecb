package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"belay/cmd/internal/browser"
)

// However long people's names are, what is pressed in haste stands on the therapist's
// screen, and so does what is known of whoever was called.
func TestALongNamePushesNothingOffTheScreen(t *testing.T) {
	oneAtATime(t)
	chromium := browser.StartChromium(t, browser.Options{})
	v := &visit{t: t, server: startChild(t), robin: chromium.Open("robin", browser.Seat{})}
	p := v.robin
	robin := v.account()
	order := map[string]any{"product": "ketamine lozenge 100 mg", "dose_mg": 100, "tablets": 1, "total_mg": 200, "number": 3, "of": 6}
	var made struct{ Place string }
	v.check("the session", robin.Ask(t.Context(), http.MethodPost, "/api/sessions", map[string]any{
		"clients": []any{map[string]any{"name": "Maximiliane Alexandra von und zu Hohenstein-Wallersdorf", "pronouns": "she/her or they/them", "phone": "503-555-0142", "order": order},
			map[string]any{"name": "Jean-Christophe", "phone": "503-555-0143", "order": order}},
		"chaperones": []any{map[string]any{"name": "Wilhelmina Alexandra von und zu Hohenstein-Wallersdorfer", "phone": "503-555-0178"}},
	}, &made))
	p.Goto(v.server.url + made.Place)
	p.Click(browser.Text("Join without camera and microphone"))
	says(p, ".foot", "Emergency card")
	says(p, ".controls", "Mic off Camera off")
	p.Press("g")
	p.Press("g")
	says(p, ".go-in", "called, has not answered yet")
	if said := browser.Eval[string](p, `document.querySelector(".go-in [role=status]").innerText`); strings.HasSuffix(said, " s") {
		t.Errorf("a screen reader says anew at every second: %q", said)
	}
	p.Click(browser.CSS(`.observe-buttons [data-open="RaiseAlarm"]`))
	fill(p, ".observe form", answer{"condition", "unresponsive"})
	p.Click(browser.CSS(".observe form [type=submit]"))
	says(p, `.alarm-bar .alarm[data-condition="unresponsive"]`, "does not respond")
	for _, size := range [][2]int{{1280, 720}, {1024, 768}, {640, 360}} {
		p.Refit(browser.Seat{Width: size[0], Height: size[1]})
		p.Shot(fmt.Sprintf("therapist/long-names-%d", size[0]))
		off := browser.Eval[[]string](p, `[...document.querySelectorAll("button, summary, .head-call, .go-in-state, [data-testid=phase]")].filter((one) => one.checkVisibility() && one.getClientRects().length > 0).filter((one) => {
			const { left, right } = one.getBoundingClientRect();
			return left < 0 || right > innerWidth || one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== "visible";
		}).map((one) => one.outerHTML.slice(0, 120))`)
		for _, what := range off {
			t.Errorf("%d wide, this is off the screen: %s", size[0], what)
		}
		if where := browser.Eval[string](p, `(() => {
			const button = [...document.querySelectorAll(".alarm-bar [data-act=AcknowledgeAlarm]")].find((one) => one.checkVisibility());
			const { left, top, bottom } = button.getBoundingClientRect();
			return button.contains(document.elementFromPoint(left + 8, top + 4)) && button.contains(document.elementFromPoint(left + 8, bottom - 4)) ? "" : `+"`${top} to ${bottom} of ${innerHeight}`"+`;
		})()`); where != "" {
			t.Errorf("%d wide, an alarm cannot be acknowledged without scrolling: the button stands at %s", size[0], where)
		}
		if cut := browser.Eval[string](p, `(() => {
			const [box, server] = [".connection", ".connection-server"].map((one) => document.querySelector(one));
			return server.scrollWidth > server.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1 ? server.innerText : "";
		})()`); cut != "" {
			t.Errorf("%d wide, the words on the connection are cut: %q", size[0], cut)
		}
		if under := browser.Eval[string](p, `[...document.querySelectorAll(".head-client, .head-chaperone > *")].filter((one) => one.checkVisibility() && one.textContent).find((one) => {
			const { left, right, top, height } = one.getBoundingClientRect();
			return [left + 3, Math.min(right, innerWidth) - 3].some((x) => !(one.matches(".head-client") ? one : one.parentElement).contains(document.elementFromPoint(x, top + height / 2)));
		})?.outerHTML ?? ""`); under != "" && size[0] > 1000 {
			t.Errorf("%d wide, in the first line this is written over: %s", size[0], under)
		}
	}
	v.cardComesToWhoAsksForIt()
}

// cardComesToWhoAsksForIt opens the emergency card where it stands below what is in sight:
// in a small window, or one that is enlarged.
func (v *visit) cardComesToWhoAsksForIt() {
	p := v.robin
	for _, size := range [][2]int{{900, 700}, {640, 360}} {
		p.Refit(browser.Seat{Width: size[0], Height: size[1]})
		browser.Eval[bool](p, `(scrollTo(0, 0), true)`)
		p.Click(browser.CSS(`.foot [data-open="card"]`))
		p.WaitFor(`(() => {
			const title = document.querySelector("#card-title");
			const { left, top, bottom } = title.getBoundingClientRect();
			return [top + 2, bottom - 2].every((y) => title.contains(document.elementFromPoint(left + 4, y)));
		})()`, browser.Patience)
		if over := browser.Eval[string](p, `(() => {
			const sheet = document.querySelector("[data-testid=card]").getBoundingClientRect();
			return [...document.querySelectorAll(".lines, .controls, .connection")].filter((one) => one.getBoundingClientRect().top < sheet.bottom - 1).map((one) => one.className).join();
		})()`); over != "" {
			v.t.Errorf("%d wide, this stands over the emergency card: %s", size[0], over)
		}
		p.Shot(fmt.Sprintf("therapist/long-names-card-%d", size[0]))
		p.Click(browser.Text("Close the card"))
	}
}
