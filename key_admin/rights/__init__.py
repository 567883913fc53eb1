"""Who may give what: the judgement of the admin API, apart from HTTP and from the table.

Nobody gives an admin right wider than their own. Five rules hold that, a function or a few for
each in `rules`:

1. An admin right that is given lies within one grant of the giver that has no owner.
2. A restricted holder makes admin keys by create and import alone, and leaves those there are.
3. A holder with an owner works with that owner's keys, below the ceiling of its policies.
4. What belongs to no owner, a holder with an owner reads as far as its policies reach.
5. A policy neither gains its first admin right nor loses the last, and admin keys name only
   policies that have some.

`grants` says what an admin right is and when one lies within another, `holders` who asks,
`judgement` which rules an operation falls under. Pure: records and policies come as values, and
a refusal is a value too.
"""
