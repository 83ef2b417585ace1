select {{ adapter.dispatch('cent')(1) }} as y
