-- fakeredis knows no sha1hex; what it gets instead is as distinct and only longer.
local sha1hex = redis.sha1hex or function(text) return text end
