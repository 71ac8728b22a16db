%% The time goes into functions in C: one that is called from Erlang, one that is called while a term is matched, and the
%% garbage collector.
-module(natives).
-export([main/0]).

digest(Text) ->
    Digest = erlang:md5(Text),
    byte_size(Digest).

compare(One, Other) ->
    Result = One =:= Other,
    {Result, One}.

build(0, List) -> List;
build(N, List) ->
    build(N - 1, [{N, List} | List]).

collect() ->
    List = build(200000, []),
    length(List).

digests(Text) ->
    _ = digest(Text),
    digests(Text).

comparisons(One, Other) ->
    {true, _} = compare(One, Other),
    comparisons(One, Other).

collections() ->
    _ = collect(),
    collections().

main() ->
    Text = binary:copy(<<"0123456789abcdef">>, 1 bsl 16),
    spawn(fun() -> comparisons(lists:seq(1, 100000), lists:seq(1, 100000)) end),
    spawn(fun collections/0),
    digests(Text).
