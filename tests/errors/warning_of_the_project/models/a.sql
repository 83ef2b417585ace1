{% do exceptions.warn('start is in the future') %}select 1 as x
