// Package browser drives real browsers for tests: Chromium over the DevTools
// protocol and Firefox over WebDriver BiDi, both behind one interface, so that
// a test says what people do and not which browser they do it in.
//
// # Usage
//
//	chromium := browser.StartChromium(t, browser.Options{})
//	alex := chromium.Open("alex", browser.Seat{})
//	sam := chromium.Open("sam", browser.Seat{Phone: true})
//	alex.Goto(url)
//	alex.Click(browser.Text("I am taking it now"))
//	sam.WaitText("Alex took the medicine")
//	alex.WaitFrames("video", 10)
//	sam.Shot("chaperone-absorbing")
//
// # Guarantees
//
//   - Each person has cookies, storage and permissions of their own, also when
//     several share one browser process.
//   - A click is pressed by a mouse (or a finger, on a phone) at the middle of
//     the element, after it has stopped moving and only where nothing covers it.
//     It is a user gesture, and it fails where a person's would fail.
//   - Every step has a deadline ([Patience] unless said otherwise) and names the
//     person and the step when it fails.
//   - An uncaught exception or a console.error on any page fails the test, unless
//     the test said that it expects it ([Person.Expect]).
//   - Browser processes, and everything that they started, are gone when the
//     test ends; profiles lie in the test's temporary directory.
//   - A browser that is missing skips the test with the reason, and fails it where
//     the environment says CI=true.
//
// The same in plainer words: tests use pages as people do, see what people see,
// and leave nothing behind.
//
// # Concurrency
//
// Different persons may be used from different goroutines. One person is used by
// one goroutine at a time. Steps of a [Person] end the test when they fail, so
// they belong into the goroutine of the test; elsewhere use the [Page] below it,
// whose methods return errors.
package browser
