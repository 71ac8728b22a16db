%% Calls, recursion, functions without names and a list function, in two processes. Each way has a function of its own at
%% its end, where nearly all of the time goes.
-module(busy).
-export([main/0]).

called(0, Acc) -> Acc;
called(N, Acc) ->
    called(N - 1, (Acc + N * 31) band 16#ffffff).

applied(0, Acc) -> Acc;
applied(N, Acc) ->
    applied(N - 1, (Acc + N * 31) band 16#ffffff).

mapped(0, Acc) -> Acc;
mapped(N, Acc) ->
    mapped(N - 1, (Acc + N * 31) band 16#ffffff).

deep(0, Acc) -> Acc;
deep(N, Acc) ->
    deep(N - 1, (Acc + N * 31) band 16#ffffff).

c(N) ->
    called(200000, N) + 1.

b(N) ->
    c(N) + 1.

a(N) ->
    b(N) + 1.

rec(0, N) ->
    deep(200000, N);
rec(D, N) ->
    rec(D - 1, N) + 1.

worker() ->
    _ = rec(20, 3),
    worker().

loop(N) ->
    F = fun(X) -> applied(200000, X) + 7 end,
    _ = a(N),
    _ = F(N),
    _ = lists:map(fun(X) -> mapped(200000, X) end, [1, 2, 3]),
    loop(N + 1).

main() ->
    spawn(fun worker/0),
    loop(0).
