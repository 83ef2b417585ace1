{{ config(materialized='table') }}
select error('[2J</script>
second line') as id
