package presence

import "testing"

// A phone that was seen to sleep for an hour and a half on the access point that
// had given it up is waited for as long.
func TestADozeIsWaitedForAsLongAsOneWasSeen(t *testing.T) {
	d := newDay(t)
	d.hear("8:00", Start, laptop, "a")
	d.hear("8:30", Start, phone, "b")
	d.hear("9:00", Stop, phone, "b", cause(IdleTimeout))
	d.hear("10:30", Start, phone, "c")
	d.hear("11:00", Stop, laptop, "a")
	d.hear("12:00", Stop, phone, "c", cause(IdleTimeout))
	d.is("13:25")
	d.want("london leaving 08:00:00")
	d.is("13:35")
	d.want("london over 08:00:00-12:00:00 left")
}

func TestWhoSaysGoodbyeDoesNotDoze(t *testing.T) {
	d := newDay(t)
	d.hear("8:00", Start, laptop, "a")
	d.hear("8:30", Start, phone, "b")
	d.hear("9:00", Stop, phone, "b", cause(IdleTimeout))
	d.hear("10:30", Start, phone, "c")
	d.hear("11:00", Stop, laptop, "a")
	d.hear("12:00", Stop, phone, "c", cause(UserRequest))
	d.is("13:05")
	d.want("london over 08:00:00-12:00:00 left")
}

// A laptop whose lid is closed in the evening goes without a word, and is on the
// same access point in the morning. It did not doze all night.
func TestANightIsNoDoze(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("17:05", Stop, laptop, "a", cause(IdleTimeout))
	d.is("18:30")
	d.hear("+1 9:00", Start, laptop, "b")
	d.hear("+1 17:05", Stop, laptop, "b", cause(IdleTimeout))
	d.is("+1 18:10")
	d.want("london over 09:00:00-17:05:00 left; london over 09:00:00-17:05:00 left")
}
