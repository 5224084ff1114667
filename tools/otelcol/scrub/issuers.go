package scrub

// standing says how surely a number of an issuer's range and length is a card.
type standing int

const (
	none standing = iota
	// rare numbers are cards of lengths that ids, times, counts and telephone
	// numbers have far more often: of 100,000 random numbers of 63 bits a thousand
	// would pass. They are taken for cards in a card's grouping, or beside a word
	// that says so.
	rare
	// usual numbers are taken for cards however they are written.
	usual
)

const (
	shortestCard = 12
	longestCard  = 19
)

// issuer is a range of first digits (six of them) with its lengths.
type issuer struct {
	low, high   int
	usual, rare []int
}

// issuers are the ranges of ISO/IEC 7812 that networks publish. Not UATP (1...),
// whose fifteen digits cannot be told from a time in tenths of milliseconds.
var issuers = []issuer{
	{220000, 220499, []int{16}, []int{17, 18, 19}},                 // Mir
	{222100, 272099, []int{16}, nil},                               // Mastercard
	{300000, 305999, []int{14, 16}, []int{17, 18, 19}},             // Diners Club
	{309500, 309599, []int{14, 16}, []int{17, 18, 19}},             // Diners Club
	{340000, 349999, []int{15}, nil},                               // American Express
	{352800, 358999, []int{16}, []int{17, 18, 19}},                 // JCB
	{360000, 369999, []int{14, 16}, []int{15, 17, 18, 19}},         // Diners Club
	{370000, 379999, []int{15}, nil},                               // American Express
	{380000, 399999, []int{14, 16}, []int{17, 18, 19}},             // Diners Club
	{400000, 499999, []int{16}, []int{13, 18, 19}},                 // Visa
	{500000, 509999, []int{16}, []int{12, 13, 14, 15, 17, 18, 19}}, // Maestro, Elo, Verve, RuPay, Dankort
	{510000, 559999, []int{16}, nil},                               // Mastercard
	{560000, 589999, []int{16}, []int{12, 13, 14, 15, 17, 18, 19}}, // Maestro
	{600000, 699999, []int{16}, []int{12, 13, 14, 15, 17, 18, 19}}, // Discover, UnionPay, Maestro, RuPay, Elo
	{810000, 829999, []int{16}, []int{17, 18, 19}},                 // UnionPay, RuPay
	{860000, 860099, []int{16}, nil},                               // Uzcard
	{979200, 979289, []int{16}, nil},                               // Troy
	{986000, 986099, []int{16}, nil},                               // Humo
}

// issued tells whether an issuer gives out numbers that begin so and are so long.
func issued(digits []byte) standing {
	if len(digits) < shortestCard || len(digits) > longestCard {
		return none
	}
	prefix := 0
	for _, digit := range digits[:6] {
		prefix = prefix*10 + int(digit)
	}
	for i := range issuers {
		if one := &issuers[i]; prefix >= one.low && prefix <= one.high {
			switch {
			case has(one.usual, len(digits)):
				return usual
			case has(one.rare, len(digits)):
				return rare
			}
		}
	}
	return none
}

func has(lengths []int, wanted int) bool {
	for _, length := range lengths {
		if length == wanted {
			return true
		}
	}
	return false
}

// luhn checks the last digit (ISO/IEC 7812, annex B).
func luhn(digits []byte) bool {
	if len(digits) < 2 {
		return false
	}
	sum := 0
	for i := range digits {
		value := int(digits[len(digits)-1-i])
		if i%2 == 1 {
			if value *= 2; value > 9 {
				value -= 9
			}
		}
		sum += value
	}
	return sum%10 == 0
}
