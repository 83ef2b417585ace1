-- The airports of the package, and four in the Caribbean that it lacks although the flights go there.
select faa as airport, name as airport_name, lat as latitude, lon as longitude, alt as altitude_feet, tzone as time_zone
from airports

union all

select faa, name, lat, lon, alt, tzone
from airports_supplement
