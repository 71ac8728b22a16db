%% Processes that wait for one another: schedulers take up one after the other, and wait between them.
-module(switching).
-export([main/0]).

echo() ->
    receive
        {From, Text} -> From ! Text
    end,
    echo().

ask(Other) ->
    Other ! {self(), hello},
    receive
        hello -> ok
    end,
    ask(Other).

pairs(0) -> ok;
pairs(N) ->
    Other = spawn(fun echo/0),
    spawn(fun() -> ask(Other) end),
    pairs(N - 1).

main() ->
    pairs(4),
    ask(spawn(fun echo/0)).
