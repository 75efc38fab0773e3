-- wrk: chat requests of which no two are alike. Argument: a seed.

local words = {
  "stream", "token", "please", "explain", "why", "the", "server", "closed", "a", "connection",
  "before", "every", "event", "arrived", "über", "日本", "in", "two", "short", "sentences",
}

local made = 0
local seed = "0"

function init(args)
  seed = args[1]
  math.randomseed(tonumber(seed))
end

function request()
  made = made + 1
  local text = {}
  for index = 1, math.random(6, 30) do
    text[index] = words[math.random(#words)]
  end
  local prompt = string.format("Question %d of %s: %s?", made, seed, table.concat(text, " "))
  local body = '{"model":"mock","stream":true,"messages":[{"role":"user","content":"'
    .. prompt .. '"}]}'
  return "POST /v1/chat/completions HTTP/1.1\r\nHost: mock\r\nContent-Type: application/json\r\n"
    .. "Authorization: Bearer sk-" .. seed .. "\r\n"
    .. "X-Request-Id: " .. seed .. "-" .. made * 7919 .. "\r\n"
    .. "X-Test-Pattern: ;t=" .. seed .. "-" .. made .. "\r\n"
    .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end
