/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reduced machine, for Spin: LUO as a state graph that luosim explore --reduced
 * is held against, number by number.
 *
 * S sessions, M memfds of one page with two open files each (file f is of memfd f/2),
 * T tokens a session, two kernels. A transition is one operation of a user (a d_step).
 * What cannot be asked for is not enabled; what is refused leaves the state as it was.
 *
 *   POLICY 0  only the token must be free in its session
 *   POLICY 1  and the open file must be in no session
 *   POLICY 2  and the memfd must be in no session
 *
 *   CHECK 0   only count
 *   CHECK 1   no page is restored twice
 *   CHECK 2   no page is missing that was never restored
 *
 * spin -a -o2: otherwise Spin drops used[] where nothing reads it, and counts less.
 */
#ifndef S
#define S 2
#endif
#ifndef M
#define M 2
#endif
#ifndef T
#define T 2
#endif
#ifndef POLICY
#define POLICY 0
#endif
#ifndef CHECK
#define CHECK 1
#endif

/* What a session is. */
#define ABSENT    0
#define OUTGOING  1		/* kernel 1: created, fd open            */
#define INCOMING  2		/* kernel 2: deserialized, not retrieved */
#define RETRIEVED 3		/* kernel 2: fd open                     */

bit  second;			/* 0: first kernel, 1: after kexec       */
byte ses[S];
byte rec[S*T];			/* 0: free, else 1 + file number         */
byte got[S*T];			/* 0: no, 1: retrieved, 2: failed        */
bit  mark[M];			/* kernel 1: KHO bit, kernel 2: page magic */
bit  used[M];			/* ghost: this folio was restored        */

#define R(s, t)   rec[(s)*T + (t)]
#define G(s, t)   got[(s)*T + (t)]
#define INODE(r)  (((r) - 1) / 2)

#if T == 1
#define EACH_T(X, s)      X(s, 0)
#define ANY_T(X, s, f)    (X(s, 0, f))
#define KEEP_T(s, f)      KEEP(s, f, 0)
#elif T == 2
#define EACH_T(X, s)      X(s, 0) X(s, 1)
#define ANY_T(X, s, f)    (X(s, 0, f) || X(s, 1, f))
#define KEEP_T(s, f)      KEEP(s, f, 0) KEEP(s, f, 1)
#else
#define EACH_T(X, s)      X(s, 0) X(s, 1) X(s, 2)
#define ANY_T(X, s, f)    (X(s, 0, f) || X(s, 1, f) || X(s, 2, f))
#define KEEP_T(s, f)      KEEP(s, f, 0) KEEP(s, f, 1) KEEP(s, f, 2)
#endif

#if M == 1
#define KEEP_F(s) KEEP_T(s, 0) KEEP_T(s, 1)
#elif M == 2
#define KEEP_F(s) KEEP_T(s, 0) KEEP_T(s, 1) KEEP_T(s, 2) KEEP_T(s, 3)
#elif M == 3
#define KEEP_F(s) KEEP_T(s, 0) KEEP_T(s, 1) KEEP_T(s, 2) \
		  KEEP_T(s, 3) KEEP_T(s, 4) KEEP_T(s, 5)
#else
#define KEEP_F(s) KEEP_T(s, 0) KEEP_T(s, 1) KEEP_T(s, 2) KEEP_T(s, 3) \
		  KEEP_T(s, 4) KEEP_T(s, 5) KEEP_T(s, 6) KEEP_T(s, 7)
#endif

#if S == 1
#define EACH_S(X)         X(0)
#define ANY_S(X, f)       (ANY_T(X, 0, f))
#elif S == 2
#define EACH_S(X)         X(0) X(1)
#define ANY_S(X, f)       (ANY_T(X, 0, f) || ANY_T(X, 1, f))
#elif S == 3
#define EACH_S(X)         X(0) X(1) X(2)
#define ANY_S(X, f)       (ANY_T(X, 0, f) || ANY_T(X, 1, f) || ANY_T(X, 2, f))
#else
#define EACH_S(X)         X(0) X(1) X(2) X(3)
#define ANY_S(X, f)       (ANY_T(X, 0, f) || ANY_T(X, 1, f) || \
			   ANY_T(X, 2, f) || ANY_T(X, 3, f))
#endif

#define SAME_FILE(s, t, f)   (R(s, t) == (f) + 1)
#define SAME_INODE(s, t, f)  (R(s, t) && INODE(R(s, t)) == (f) / 2)

#if POLICY == 0
#define OWNED(f)  false
#elif POLICY == 1
#define OWNED(f)  ANY_S(SAME_FILE, f)
#else
#define OWNED(f)  ANY_S(SAME_INODE, f)
#endif

#if CHECK == 1
#define JUDGE(s, t)  assert(!used[INODE(R(s, t))]);
#elif CHECK == 2
#define JUDGE(s, t)  assert(used[INODE(R(s, t))]);
#else
#define JUDGE(s, t)
#endif

/* kho_restore_folio(): the mark on a preserved page works once. */
#define RESTORE(s, t)						\
	if							\
	:: mark[INODE(R(s, t))] ->				\
		mark[INODE(R(s, t))] = 0;			\
		used[INODE(R(s, t))] = 1;			\
		G(s, t) = 1					\
	:: else ->						\
		JUDGE(s, t)					\
		G(s, t) = 2					\
	fi;

#define DROP(s, t)						\
	if							\
	:: R(s, t) -> mark[INODE(R(s, t))] = 0; R(s, t) = 0	\
	:: else							\
	fi;

#define FINISH_ONE(s, t)					\
	if							\
	:: R(s, t) && !G(s, t) -> RESTORE(s, t)			\
	:: else							\
	fi;							\
	R(s, t) = 0;						\
	G(s, t) = 0;

#define CARRY(s)						\
	if							\
	:: ses[s] == OUTGOING -> ses[s] = INCOMING		\
	:: else							\
	fi;

/* The operations.  -EEXIST and -EBUSY are the two ways out of preserve. */
#define CREATE(s)   :: d_step { !second && ses[s] == ABSENT ->	\
			ses[s] = OUTGOING }
#define CLOSE1(s)   :: d_step { !second && ses[s] == OUTGOING ->	\
			EACH_T(DROP, s) ses[s] = ABSENT }
#define KEEP(s,f,t) :: d_step { !second && ses[s] == OUTGOING ->	\
			if					\
			:: R(s, t) || OWNED(f)			\
			:: else ->				\
				R(s, t) = (f) + 1;		\
				mark[(f) / 2] = 1		\
			fi; skip }
#define OPEN2(s)    :: d_step { second && ses[s] == INCOMING ->	\
			ses[s] = RETRIEVED }
#define TAKE(s,t)   :: d_step { second && ses[s] == RETRIEVED ->	\
			if					\
			:: R(s, t) && !G(s, t) -> RESTORE(s, t)	\
			:: else					\
			fi; skip }
#define FINISH(s)   :: d_step { second && ses[s] == RETRIEVED ->	\
			EACH_T(FINISH_ONE, s) skip }
#define CLOSE2(s)   :: d_step { second && ses[s] == RETRIEVED ->	\
			EACH_T(FINISH_ONE, s) ses[s] = ABSENT }
#define KEXEC       :: d_step { !second ->				\
			second = 1; EACH_S(CARRY) skip }

#define OPS(s) CREATE(s) CLOSE1(s) KEEP_F(s) OPEN2(s) EACH_T(TAKE, s) \
	       FINISH(s) CLOSE2(s)

active proctype agent()
{
	do
	EACH_S(OPS)
	KEXEC
	od
}
